/**
 * Runs jobs ahead of their reader and yields the results in the order of the jobs. So the content of a corpus does not
 * depend on which job ended first. At most `ahead` jobs are running or waiting to be read.
 */
export async function* inOrder<J, R>(
  jobs: Iterable<J> | AsyncIterable<J>,
  ahead: number,
  run: (job: J) => Promise<R>,
): AsyncGenerator<R> {
  const begun: Promise<R>[] = [];
  for await (const job of jobs) {
    const result = run(job);
    // A failure is thrown when its turn comes. A reader that stopped before does not need it.
    result.catch(() => {});
    begun.push(result);
    if (begun.length >= ahead) yield await begun.shift()!;
  }
  while (begun.length > 0) yield await begun.shift()!;
}
