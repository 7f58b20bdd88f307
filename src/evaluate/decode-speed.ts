/** How fast the service's engine decodes a model, on one thread of this process. */
import type { Llama } from "../draft/llama.ts";

/** Tokens in the cache when decoding begins, and tokens of a run. Arbitrary ones: the work does not depend on them. */
const PROMPT = 64;
const DECODED = 48;
/** Runs go on for so long; the median counts. */
const SECONDS = 3;

/** Tokens that the engine needs room for. */
export const TIMED = PROMPT + DECODED;

/** Tokens a second, one after the other, greedily, of an engine with room for `TIMED`. */
export function decodeSpeed(llama: Llama): number {
  const cache = llama.newCache();
  llama.forward(
    cache,
    Array.from({ length: PROMPT }, (_, n) => (n * 7919) % llama.header.config.vocabulary),
    1,
  );
  const run = (): number => {
    const started = performance.now();
    let token = llama.argmax(0);
    for (let n = 0; n < DECODED; n++) {
      llama.forward(cache, [token], 1);
      token = llama.argmax(0);
    }
    cache.cut(PROMPT);
    return (performance.now() - started) / 1000;
  };
  run(); // code is compiled
  const runs: number[] = [];
  for (let spent = 0; spent < SECONDS; spent += runs.at(-1)!) runs.push(run());
  cache.release();
  return DECODED / runs.sort((a, b) => a - b)[runs.length >> 1]!;
}
