/**
 * A made-up language of V tokens whose next-token logits are a hash of the last two tokens, and things that speak it:
 * the answer a target gives alone (the reference), and drafters that are right, wrong, late or broken. Deterministic.
 */
import { BothDrafter } from "../../src/core/draft/both.ts";
import { CopyDrafter } from "../../src/core/draft/copy-drafter.ts";
import { chooseToken } from "../../src/core/speculate/sample.ts";
import type { Drafter, More, Proposed, Sampling, Sibling } from "../../src/core/speculate/types.ts";
import { seeded } from "./random.ts";

export const V = 40;
export const STOP = 0;

/** Logits (size) after `timeline`. Peaked enough that text repeats itself and a copy is often right. */
export function scriptedRow(timeline: readonly number[], size = V): Float32Array {
  const [a = 0, b = 0] = [timeline.at(-2), timeline.at(-1)];
  const random = seeded((a % 7) * 1009 + b * 9176 + 17);
  const row = new Float32Array(size);
  for (let token = 0; token < size; token++) row[token] = 6 * random() ** 3;
  row[STOP] = row[STOP]! - 3.5;
  return row;
}

/**
 * The logits of one pass, as `Scores` counts its rows: after the timeline and each token of the draft, then after each
 * sibling.
 */
export function scriptedRows(
  timeline: readonly number[],
  draft: readonly number[],
  siblings: readonly Sibling[] = [],
): Float32Array {
  const before = [
    ...[...draft, 0].map((_, i) => draft.slice(0, i)),
    ...siblings.map(({ at, id }) => [...draft.slice(0, at), id]),
  ];
  const rows = new Float32Array(before.length * V);
  for (const [i, tokens] of before.entries()) rows.set(scriptedRow([...timeline, ...tokens]), i * V);
  return rows;
}

/** What the target decides with no draft at all: the definition of the right output. */
export function reference(
  prompt: readonly number[],
  sampling: Sampling,
  maxTokens: number,
  stop: readonly number[],
  shape: Shaped = (row) => row,
) {
  const timeline = [...prompt];
  while (timeline.length - prompt.length < maxTokens) {
    const row = shape(scriptedRow(timeline), timeline, prompt.length);
    const token = chooseToken(row, sampling, timeline.length);
    timeline.push(token);
    if (stop.includes(token)) return { tokens: timeline.slice(prompt.length), reason: "stop" as const };
  }
  return { tokens: timeline.slice(prompt.length), reason: "length" as const };
}

/** The logits of a row after a change, by the tokens before it and where the answer begins among them. */
export type Shaped = (row: Float32Array, before: readonly number[], from: number) => Float32Array;

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

type Guess = (timeline: readonly number[], calls: number) => number | null;

/**
 * A drafter built from a function that guesses the next token of a timeline, or has no guess; and maybe others that do
 * as well.
 */
export class GuessDrafter implements Drafter {
  readonly guess: Guess;
  readonly delayMs: number;
  readonly others: readonly Guess[];
  syncs = 0;
  #timeline: number[] = [];
  #calls = 0;

  constructor(guess: Guess, delayMs = 0, others: readonly Guess[] = []) {
    this.guess = guess;
    this.delayMs = delayMs;
    this.others = others;
  }

  async sync(timeline: readonly number[]): Promise<void> {
    this.syncs++;
    this.#timeline = [...timeline];
    if (this.delayMs > 0) await sleep(this.delayMs);
  }

  async propose(max: number, more: More, others = 0): Promise<readonly Proposed[]> {
    const proposed: Proposed[] = [];
    while (proposed.length < max) {
      const timeline = [...this.#timeline, ...proposed.map(({ id }) => id)];
      const id = this.guess(timeline, this.#calls++);
      if (id === null) break;
      if (this.delayMs > 0) await sleep(this.delayMs);
      const also = this.others.slice(0, others).map((other) => other(timeline, this.#calls) ?? 0);
      proposed.push({
        ...{ id, confidence: 0.8, source: "model" },
        others: also.map((id) => ({ id, confidence: 0.5, source: "model" })),
      });
      if (!more(proposed.at(-1)!)) break;
    }
    return proposed;
  }
}

/** Every kind of drafter a generation must survive, by name; each call makes fresh ones. */
export function drafters(sampling: Sampling, seed: number): Record<string, Drafter | null> {
  const random = seeded(seed);
  const own = (timeline: readonly number[]) => chooseToken(scriptedRow(timeline), sampling, timeline.length);
  const noisy = (timeline: readonly number[]) => (random() < 0.7 ? own(timeline) : Math.floor(random() * V));
  return {
    none: null,
    oracle: new GuessDrafter(own),
    noisy: new GuessDrafter(noisy),
    "noisy with others": new GuessDrafter(noisy, 0, [noisy, own, () => Math.floor(random() * V)]),
    "nonsense besides": new GuessDrafter(noisy, 0, [() => -1, () => 0.5, () => V]),
    garbage: new GuessDrafter(() => Math.floor(random() * V)),
    nonsense: new GuessDrafter((_, call) => [-1, 1e9, 0.5, Number.NaN][call % 4]!),
    "with copies": new BothDrafter(new CopyDrafter(), new GuessDrafter(noisy)),
    empty: new GuessDrafter(() => null),
    slow: new GuessDrafter(noisy, 3),
    "throws at once": new GuessDrafter(() => {
      throw new Error("no memory");
    }),
    "throws later": new GuessDrafter((timeline, call) => {
      if (call > 12) throw new Error("trap");
      return own(timeline);
    }),
    "throws when told": Object.assign(new GuessDrafter(noisy), {
      learn() {
        throw new Error("no memory");
      },
    }),
    hangs: {
      sync: () => new Promise(() => {}),
      propose: () => new Promise(() => {}),
    },
  };
}
