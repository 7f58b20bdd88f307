/** A line of a corpus, and what is derived from its prompt: the seed of its answer, and which split it is in. */
import { createHash } from "node:crypto";
import * as z from "zod";

/** One prompt in this many is held out. */
const HELD_OUT = 20;

const ids = z.array(z.int().nonnegative());

export const lineSchema = z.object({
  prompt: ids,
  answer: ids,
  temperature: z.number(),
  seed: z.int(),
  split: z.enum(["train", "held-out"]),
  turn_seed: z.int().optional(),
});

export interface Line {
  /** Ids of the conversation so far. */
  readonly prompt: readonly number[];
  /** What the target wrote; its last token is the end of the turn unless the limit cut it. */
  readonly answer: readonly number[];
  readonly temperature: number;
  /** Ask the target with this seed for the same answer. */
  readonly seed: number;
  readonly split: "train" | "held-out";
  /** Where the target asked itself: the seed of the question. */
  readonly turn_seed?: number | undefined;
}

/** The seed of an answer: a prompt keeps its own whatever else is asked. No two temperatures share their noise. */
export const answerSeed = (seed: number, prompt: readonly number[], temperature: number): number =>
  digest(`answer ${seed} ${temperature} ${prompt.join(" ")}`);

/** The seed of the n-th question that the target asks itself. */
export const turnSeed = (seed: number, n: number): number => digest(`turn ${seed} ${n}`);

/** By the first prompt of a conversation alone: corpora of other seeds and temperatures hold out the same ones. */
export const splitOf = (prompt: readonly number[]): Line["split"] =>
  digest(`split ${prompt.join(" ")}`) % HELD_OUT === 0 ? "held-out" : "train";

/** 31 bits, which every server takes for a seed: some read 32 as a negative number or as "any". */
const digest = (text: string): number => createHash("sha256").update(text).digest().readUInt32BE() >>> 1;
