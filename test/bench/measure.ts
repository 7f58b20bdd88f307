/**
 * What is timed, the same for every engine that can be driven token by token: ours in Node and in workerd, and llama.cpp.
 * Prompts are arbitrary ids under 500: the work does not depend on them.
 */
import type { Llama } from "../../src/draft/llama.ts";

export const PREFILLS = [16, 64, 512] as const;
/** Decoding and verification begin behind a prompt of so many tokens. */
export const PROMPT = 64;
export const DECODED = 48;
/** Positions of one verification: a draft of 7 and the token after it. */
export const VERIFIED = 8;
/** KV pages that a measurement needs. */
export const PAGES = 16;
/** Each figure is a mean over so many ms of runs, at least: workerd's local clock has whole milliseconds. */
const LEAST_MS = 200;

export interface Speeds {
  /** Tokens a second of a whole prompt, by its length; absent where it was not measured. */
  readonly prefill: { readonly [length in (typeof PREFILLS)[number]]?: number };
  /** Tokens a second, one after the other. */ readonly decode: number;
  /** ms of one pass over one position, with its logits. */ readonly step?: number;
  /** ms of one pass over VERIFIED positions, with logits of each. */ readonly verify?: number;
}

/** A model with one timeline. */
export interface Engine {
  /** Forgets everything from position `length` on. */ cut(length: number): void | Promise<void>;
  /** Appends `tokens`; the most likely token after the last, having found that after each of the last `rows`. */
  pass(tokens: readonly number[], rows: number): number | Promise<number>;
}

export const prompt = (length: number): number[] => Array.from({ length }, (_, n) => 100 + ((n * 7919) % 400));

/** Our own, loaded for VERIFIED rows and PAGES pages. */
export function ours(llama: Llama): Engine {
  const cache = llama.newCache();
  return {
    cut: (length) => cache.cut(length),
    pass(tokens, rows) {
      llama.forward(cache, tokens, rows);
      let token = 0;
      for (let row = 0; row < rows; row++) token = llama.argmax(row);
      return token;
    },
  };
}

/** One round of everything. */
export async function measure(engine: Engine): Promise<Speeds> {
  const prefill: Record<number, number> = {};
  for (const length of PREFILLS) {
    const ms = await msPerRun(engine, 0, () => engine.pass(prompt(length), 1));
    prefill[length] = (1000 * length) / ms;
  }
  await fill(engine);
  const step = await msPerRun(engine, PROMPT, () => engine.pass(prompt(1), 1));
  const verify = await msPerRun(engine, PROMPT, () => engine.pass(prompt(VERIFIED), VERIFIED));
  return { prefill, decode: await decodeSpeed(engine), step, verify };
}

/** Tokens a second, greedily, as a drafter or an origin would go on. */
export async function decodeSpeed(engine: Engine): Promise<number> {
  await fill(engine);
  const ms = await msPerRun(engine, PROMPT, async () => {
    let token = 100;
    for (let n = 0; n < DECODED; n++) token = await engine.pass([token], 1);
  });
  return (1000 * DECODED) / ms;
}

async function fill(engine: Engine): Promise<void> {
  await engine.cut(0);
  await engine.pass(prompt(PROMPT), 1);
}

/** Mean ms of a run that begins at position `from`. */
async function msPerRun(engine: Engine, from: number, run: () => unknown): Promise<number> {
  let spent = 0;
  let runs = 0;
  while (spent < LEAST_MS) {
    await engine.cut(from);
    const started = performance.now();
    await run();
    spent += performance.now() - started;
    runs++;
  }
  return spent / runs;
}
