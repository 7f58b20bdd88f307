/** What is timed of every engine: prompts of several lengths, a decode step, a verification. */
import {
  arbitraryTokens,
  decodeSpeed,
  msPerRun,
  PROMPT,
  prefillPrompt,
  type TimedEngine,
} from "../../src/tools/inspect/timing.ts";

export const PREFILLS = [16, 64, 512] as const;
/** Positions of one verification: a draft of 7 and the token after it. */
export const VERIFIED = 8;
/** KV pages that a measurement needs. */
export const PAGES = 16;
export interface Speeds {
  /** Tokens a second of a whole prompt, by its length; absent where it was not measured. */
  readonly prefill: { readonly [length in (typeof PREFILLS)[number]]?: number };
  /** Tokens a second, one after the other. */
  readonly decode: number;
  /** ms of one pass over one position, with its logits. */
  readonly step?: number;
  /** ms of one pass over VERIFIED positions, with logits of each. */
  readonly verify?: number;
}

/** One round of everything. */
export async function measure(engine: TimedEngine): Promise<Speeds> {
  const prefill: Record<number, number> = {};
  for (const length of PREFILLS) {
    const ms = await msPerRun(engine, 0, () => engine.pass(arbitraryTokens(length, engine.vocabulary), 1));
    prefill[length] = (1000 * length) / ms;
  }
  await prefillPrompt(engine);
  const step = await msPerRun(engine, PROMPT, () => engine.pass(arbitraryTokens(1, engine.vocabulary), 1));
  const verify = await msPerRun(engine, PROMPT, () =>
    engine.pass(arbitraryTokens(VERIFIED, engine.vocabulary), VERIFIED),
  );
  return { prefill, decode: await decodeSpeed(engine), step, verify };
}
