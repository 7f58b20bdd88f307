/** A line of a corpus, and what is derived from its prompt: the seed of its answer, and its split. */
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
  /** Token ids of the conversation so far. */
  readonly prompt: readonly number[];
  /** Token ids of the answer. The last one ends the turn, unless the limit cut the answer. */
  readonly answer: readonly number[];
  readonly temperature: number;
  /** The target gives the same answer to this seed. */
  readonly seed: number;
  readonly split: "train" | "held-out";
  /** For a question of the target's own: its seed. */
  readonly turn_seed?: number | undefined;
}

/**
 * The seed of an answer. It depends only on the prompt and the temperature, so no two temperatures share their noise.
 */
export const answerSeed = (prompt: readonly number[], temperature: number): number =>
  digest(`answer 0 ${temperature} ${prompt.join(" ")}`);

/** The seed of the n-th question that the target asks itself. */
export const turnSeed = (n: number): number => digest(`turn 0 ${n}`);

/**
 * Depends only on the first prompt of a conversation: corpora with other seeds and temperatures hold out the same ones.
 */
export const splitOf = (prompt: readonly number[]): Line["split"] =>
  digest(`split ${prompt.join(" ")}`) % HELD_OUT === 0 ? "held-out" : "train";

/** 31 bits. Corpora that were begun go on only as long as this and the texts above stay as they are. */
const digest = (text: string): number => createHash("sha256").update(text).digest().readUInt32BE() >>> 1;
