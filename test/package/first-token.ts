/**
 * Prints how long a stranger waits: from `npm install` of the tarball in an empty folder to the first token of the
 * default pair. Usage: npm run bench:first-token [-- CACHE], where CACHE is a folder of models; without it the target
 * is downloaded. npm's own cache counts as it is.
 */
import { resolve } from "node:path";
import { Stranger, streamed } from "./stranger.ts";

const [cache] = process.argv.slice(2);
const stranger = new Stranger(cache === undefined ? undefined : resolve(cache));
const tarball = await stranger.pack();

const begun = performance.now();
const print = (what: string) =>
  console.log(`${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${what}`);
console.log(`${(tarball.size / 1e6).toFixed(1)} MB, ${tarball.files.length} files`);
await stranger.install(tarball);
print("installed");
const service = await stranger.start([], 600_000);
try {
  print("the service answers");
  const { data } = (await (await fetch(`${service.url}/v1/models`)).json()) as { data: [{ id: string }] };
  const answer: string[] = [];
  for await (const piece of streamed(service.url, data[0].id, "What is the capital of France?", 64)) {
    if (answer.length === 0) print(`first token of ${data[0].id}`);
    answer.push(piece);
  }
  print(answer.join(""));
} finally {
  await service.stop();
  stranger.leave();
}
