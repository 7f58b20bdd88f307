/** How well a model predicts windows, alone and beside another; logits pass by in slices and are never kept. */
import { OutriderError } from "../../model/errors.ts";
import { type FloatLlama, type Hidden, type Window, windowBytes } from "../float-llama.ts";
import type { Head, HeadInput } from "../passes/head.ts";
import { FIELDS } from "../tasks/head.ts";

/** After each token of a window but the last. */
export interface Answers {
  /** Cross-entropy of the next token, nats. */
  readonly losses: Float64Array;
  readonly argmax: Int32Array;
  /** KL(other ‖ this), nats, and the other's argmax, where there is another. */
  readonly divergences?: Float64Array;
  readonly otherArgmax?: Int32Array;
}

export interface Score {
  /** e^(mean cross-entropy over positions 1 … T − 1 of all windows). */
  readonly perplexity: number;
  readonly loss: number;
  /** Mean KL(other ‖ this). */
  readonly divergence?: number;
  /** Share of positions with the same argmax. */
  readonly agreement?: number;
}

/** Windows that run at once: many enough for all threads, few enough for the memory. */
const BATCH = 16;

/**
 * What windows are at the end of the blocks, all unless told otherwise: what a head reads. Free it with
 * `releaseHidden`.
 */
export async function runThrough(
  llama: FloatLlama,
  windows: readonly Window[],
  layers: readonly number[] = Array.from({ length: llama.config.layers }, (_, layer) => layer),
): Promise<Hidden> {
  const hidden = llama.embed(windows);
  for (const layer of layers) await llama.runBlock(layer, hidden);
  return hidden;
}

/** A model's end on windows that have run through it: with this, any number of models can be compared with it. */
export const endOf = (llama: FloatLlama, { shape, hidden }: Hidden): HeadInput => ({ shape, head: llama.head, hidden });

/**
 * What a model says on each window, in order; beside it what another says, whose `endOf` the same windows is given.
 * `layers` are the blocks that run, all unless told otherwise. Throws `bad_model` when the other model has another
 * vocabulary.
 */
export async function* answers(
  llama: FloatLlama,
  windows: readonly Window[],
  against?: HeadInput,
  layers?: readonly number[],
): AsyncGenerator<Answers> {
  for (let first = 0; first < windows.length; first += BATCH) {
    const own = await runThrough(llama, windows.slice(first, first + BATCH), layers);
    try {
      const beside = against && { ...against, hidden: against.hidden + first * windowBytes(against.shape) };
      yield* headAnswers(llama, own, beside);
    } finally {
      llama.releaseHidden(own);
    }
  }
}

/** The same of windows that are already at the end of the blocks. */
export async function* headAnswers(llama: FloatLlama, own: Hidden, against?: HeadInput): AsyncGenerator<Answers> {
  const { pool } = llama;
  if (against) checkVocabulary(llama.head, against.head);
  const rows = own.shape.T - 1;
  const at = pool.arena.allocate(8 * own.windows * rows * FIELDS);
  await pool.run(
    { kind: "head", ...endOf(llama, own), ...(against && { against }), tokens: own.tokens, answers: at },
    own.windows,
  );
  const values = pool.arena.doubles(at, own.windows * rows * FIELDS).slice();
  pool.arena.free(at);
  for (let n = 0; n < own.windows; n++) {
    const field = (place: number) =>
      Float64Array.from({ length: rows }, (_, t) => values[(n * rows + t) * FIELDS + place]!);
    yield {
      losses: field(0),
      argmax: Int32Array.from(field(1)),
      ...(against && { divergences: field(2), otherArgmax: Int32Array.from(field(3)) }),
    };
  }
}

/** Throws `bad_model` when models answer with other tokens. */
export function checkVocabulary({ vocabulary: V }: Head, { vocabulary: other }: Head): void {
  if (other === V) return;
  const both = `${V} and ${other}`;
  throw new OutriderError("bad_model", `vocabularies of ${both} cannot be compared; keep the vocabulary`);
}

/** The perplexity over windows; with another model, how far this one is from it. */
export async function score(
  llama: FloatLlama,
  windows: readonly Window[],
  against?: HeadInput,
  layers?: readonly number[],
): Promise<Score> {
  return summed(answers(llama, windows, against, layers), against !== undefined);
}

/** What all windows say together. */
export async function summed(windows: AsyncIterable<Answers>, compared: boolean): Promise<Score> {
  let [loss, divergence, same, positions] = [0, 0, 0, 0];
  for await (const { losses, argmax, divergences, otherArgmax } of windows) {
    for (const [t, value] of losses.entries()) {
      loss += value;
      divergence += divergences?.[t] ?? 0;
      if (argmax[t] === otherArgmax?.[t]) same++;
    }
    positions += losses.length;
  }
  loss /= positions;
  const beside = compared && { divergence: divergence / positions, agreement: same / positions };
  return { perplexity: Math.exp(loss), loss, ...beside };
}
