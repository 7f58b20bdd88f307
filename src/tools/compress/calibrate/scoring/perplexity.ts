/** How well a model predicts windows, alone and compared with another. Logits are computed in slices and never kept. */
import { OutriderError } from "../../../../core/model/errors.ts";
import { type FloatLlama, type Hidden, type Window, windowBytes } from "../float-llama.ts";
import type { Head, HeadInput } from "../passes/head.ts";
import { FIELDS } from "../tasks/head.ts";

/** Predictions after each token of a window but the last. */
export interface Answers {
  /** Cross-entropy of the next token, nats. */
  readonly losses: Float64Array;
  readonly argmax: Int32Array;
  /** KL(other ‖ this) in nats, and the other model's argmax, where there is another. */
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

/** Windows that run together: enough for all threads, few enough for the memory. */
const BATCH = 16;

/** The windows after the given blocks, by default all: the input of the head. Free it with `releaseHidden`. */
export async function runThrough(
  llama: FloatLlama,
  windows: readonly Window[],
  layers: readonly number[] = Array.from({ length: llama.config.layers }, (_, layer) => layer),
): Promise<Hidden> {
  const hidden = llama.embed(windows);
  for (const layer of layers) await llama.runBlock(layer, hidden);
  return hidden;
}

/** Hidden states and head of windows that ran through a model. Any number of models can be compared with them. */
export const endOf = (llama: FloatLlama, { shape, hidden }: Hidden): HeadInput => ({ shape, head: llama.head, hidden });

/**
 * A model's predictions on each window, in order, and beside them another model's, whose `endOf` the same windows is
 * given. `layers` are the blocks that run, by default all. Throws `bad_model` if the other model has another
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

/** The same for windows that are already behind the blocks. */
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
    const field = (index: number) =>
      Float64Array.from({ length: rows }, (_, t) => values[(n * rows + t) * FIELDS + index]!);
    yield {
      losses: field(0),
      argmax: Int32Array.from(field(1)),
      ...(against && { divergences: field(2), otherArgmax: Int32Array.from(field(3)) }),
    };
  }
}

/** Throws `bad_model` for vocabularies of different sizes. */
export function checkVocabulary({ vocabulary: V }: Head, { vocabulary: other }: Head): void {
  if (other === V) return;
  const both = `${V} and ${other}`;
  throw new OutriderError("bad_model", `vocabularies of ${both} cannot be compared; keep the vocabulary`);
}

/** Perplexity over windows, and the distance from another model where one is given. */
export async function score(
  llama: FloatLlama,
  windows: readonly Window[],
  against?: HeadInput,
  layers?: readonly number[],
): Promise<Score> {
  return summed(answers(llama, windows, against, layers), against !== undefined);
}

/** Mean over all windows. */
export async function summed(windows: AsyncIterable<Answers>, compared: boolean): Promise<Score> {
  let loss = 0;
  let divergence = 0;
  let same = 0;
  let positions = 0;
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
