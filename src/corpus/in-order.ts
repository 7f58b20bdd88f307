/**
 * Runs jobs ahead of who reads their results, and gives these in the order of the jobs: so what a corpus holds does not
 * depend on which of them ended first. At most `ahead` are under way or wait to be read.
 */
export async function* inOrder<J, R>(
  jobs: Iterable<J> | AsyncIterable<J>,
  ahead: number,
  run: (job: J) => Promise<R>,
): AsyncGenerator<R> {
  const begun: Promise<R>[] = [];
  for await (const job of jobs) {
    const result = run(job);
    // One that fails is thrown when its turn comes; whoever stopped reading before does not want to know.
    result.catch(() => {});
    begun.push(result);
    if (begun.length >= ahead) yield await begun.shift()!;
  }
  while (begun.length > 0) yield await begun.shift()!;
}
