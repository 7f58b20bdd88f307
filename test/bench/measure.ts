/** One timed round on a Llama, the same in Node and in workerd. Prompts are arbitrary ids: the work does not depend on them. */
import type { Llama } from "../../src/draft/model.ts";

export const PREFILL = 256;
export const DECODED = 48;
/** Positions of one verification: a draft of 8 and the token after it. */
export const VERIFIED = 9;

export interface Round {
  /** Tokens a second of a prompt of PREFILL tokens. */ readonly prefill: number;
  /** Tokens a second, one after the other behind that prompt. */ readonly decode: number;
  /** ms of one pass over VERIFIED positions, with logits of each. */ readonly verify: number;
}

export const prompt = (length: number): number[] => Array.from({ length }, (_, n) => 100 + ((n * 7919) % 400));

/** Greedy, as a drafter or an origin would run it. The model must have been loaded for VERIFIED rows. */
export function measure(llama: Llama): Round {
  const cache = llama.newCache();
  const started = performance.now();
  llama.forward(cache, prompt(PREFILL), 1);
  const prefilled = performance.now();
  for (let n = 0; n < DECODED; n++) llama.forward(cache, [llama.argmax(0)], 1);
  const decoded = performance.now();
  llama.forward(cache, prompt(VERIFIED), VERIFIED);
  const verified = performance.now();
  cache.release();
  return {
    prefill: (1000 * PREFILL) / (prefilled - started),
    decode: (1000 * DECODED) / (decoded - prefilled),
    verify: verified - decoded,
  };
}
