/**
 * How fast an engine runs, the same for every engine that can be driven token by token: ours in Node and in workerd,
 * and those that benches compare it with.
 */
import type { Llama } from "../../core/draft/llama.ts";

/** Tokens in the cache when decoding and verification begin. */
export const PROMPT = 64;
/** Tokens of one run of decoding. */
export const DECODED = 48;
/** Each figure is a mean over runs of at least so many ms together: workerd's local clock has whole milliseconds. */
const LEAST_MS = 200;

/** A model with one timeline. */
export interface TimedEngine {
  /** All ids below it are tokens. */
  readonly vocabulary: number;
  /** Forgets everything from position `length` on. */
  cut(length: number): void | Promise<void>;
  /** Appends `tokens`. Returns the argmax after the last, having computed it after each of the last `rows` as well. */
  pass(tokens: readonly number[], rows: number): number | Promise<number>;
}

/** Arbitrary token ids below `vocabulary`: the time of a pass does not depend on them. */
export const arbitraryTokens = (length: number, vocabulary: number): number[] =>
  Array.from({ length }, (_, n) => (n * 7919) % vocabulary);

/** Our own engine on a new cache, which `release` frees. */
export function timedLlama(llama: Llama): TimedEngine & { release(): void } {
  const cache = llama.newCache();
  return {
    vocabulary: llama.header.config.vocabulary,
    cut: (length) => cache.cut(length),
    pass(tokens, rows) {
      llama.forward(cache, tokens, rows);
      let token = 0;
      for (let row = 0; row < rows; row++) token = llama.argmax(row);
      return token;
    },
    release: () => cache.release(),
  };
}

/** Tokens a second of greedy decoding behind `PROMPT` tokens. */
export async function decodeSpeed(engine: TimedEngine): Promise<number> {
  await prefillPrompt(engine);
  const ms = await msPerRun(engine, PROMPT, async () => {
    let token = 0;
    for (let n = 0; n < DECODED; n++) token = await engine.pass([token], 1);
  });
  return (1000 * DECODED) / ms;
}

/** The median of decode speeds taken for `seconds`, after a first one in which V8 compiles the kernels. */
export async function medianDecodeSpeed(engine: TimedEngine, seconds: number): Promise<number> {
  await decodeSpeed(engine);
  const speeds: number[] = [];
  const started = performance.now();
  while (speeds.length === 0 || performance.now() - started < 1000 * seconds) speeds.push(await decodeSpeed(engine));
  return median(speeds);
}

/** Empties the timeline and appends the prompt. */
export async function prefillPrompt(engine: TimedEngine): Promise<void> {
  await engine.cut(0);
  await engine.pass(arbitraryTokens(PROMPT, engine.vocabulary), 1);
}

/** Mean ms of a run that begins at position `from`. */
export async function msPerRun(engine: TimedEngine, from: number, run: () => unknown): Promise<number> {
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

/** The upper one of the two in the middle where there are two. */
export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
