/** How well a model predicts windows, alone and beside another; logits pass by in slices and are never kept. */
import { OutriderError } from "../../model/errors.ts";
import type { FloatLlama, Hidden, Window } from "./float-llama.ts";
import type { HeadInput } from "./head.ts";
import { FIELDS } from "./head-task.ts";

/** After each token of a window but the last. */
export interface Answers {
  /** Cross-entropy of the next token, nats. */ readonly losses: Float64Array;
  readonly argmax: Int32Array;
  /** KL(other ‖ this), nats, and the other's argmax, where there is another. */
  readonly divergences?: Float64Array;
  readonly otherArgmax?: Int32Array;
}

export interface Score {
  /** e^(mean cross-entropy over positions 1 … T − 1 of all windows). */ readonly perplexity: number;
  readonly loss: number;
  /** Mean KL(other ‖ this). */ readonly divergence?: number;
  /** Share of positions with the same argmax. */ readonly agreement?: number;
}

/** Windows that run at once: many enough for all threads, few enough for the memory. */
const BATCH = 16;

/**
 * What a model says on each window, in order. `layers` are the blocks that run, all unless told otherwise. Throws
 * `bad_model` when the other model has another vocabulary.
 */
export async function* answers(
  llama: FloatLlama,
  windows: readonly Window[],
  against?: FloatLlama,
  layers: readonly number[] = allLayers(llama),
): AsyncGenerator<Answers> {
  const { pool } = llama;
  const { arena } = pool;
  if (against) checkVocabulary(llama, against);
  for (let first = 0; first < windows.length; first += BATCH) {
    const batch = windows.slice(first, first + BATCH);
    const own = await runThrough(llama, batch, layers);
    const beside = against && (await runThrough(against, batch));
    const rows = own.shape.T - 1;
    const at = arena.allocate(8 * batch.length * rows * FIELDS);
    const input: HeadInput = { shape: own.shape, head: llama.head, hidden: own.hidden };
    await pool.run(
      {
        kind: "head",
        ...input,
        ...(beside && { against: { shape: beside.shape, head: against.head, hidden: beside.hidden } }),
        tokens: own.tokens,
        answers: at,
      },
      batch.length,
    );
    const values = arena.doubles(at, batch.length * rows * FIELDS).slice();
    arena.free(at);
    llama.releaseHidden(own);
    if (beside) against.releaseHidden(beside);
    for (let n = 0; n < batch.length; n++) {
      const field = (place: number) =>
        Float64Array.from({ length: rows }, (_, t) => values[(n * rows + t) * FIELDS + place]!);
      yield {
        losses: field(0),
        argmax: Int32Array.from(field(1)),
        ...(against && { divergences: field(2), otherArgmax: Int32Array.from(field(3)) }),
      };
    }
  }
}

/** Throws `bad_model` when models answer with other tokens. */
export function checkVocabulary({ config: { vocabulary: V } }: FloatLlama, { config }: FloatLlama): void {
  if (config.vocabulary === V) return;
  const both = `${V} and ${config.vocabulary}`;
  throw new OutriderError("bad_model", `vocabularies of ${both} cannot be compared; keep the vocabulary`);
}

/** The perplexity over windows; with another model, how far this one is from it. */
export async function score(
  llama: FloatLlama,
  windows: readonly Window[],
  against?: FloatLlama,
  layers?: readonly number[],
): Promise<Score> {
  let [loss, divergence, same, positions] = [0, 0, 0, 0];
  for await (const { losses, argmax, divergences, otherArgmax } of answers(llama, windows, against, layers)) {
    for (const [t, value] of losses.entries()) {
      loss += value;
      divergence += divergences?.[t] ?? 0;
      if (argmax[t] === otherArgmax?.[t]) same++;
    }
    positions += losses.length;
  }
  loss /= positions;
  const compared = against && { divergence: divergence / positions, agreement: same / positions };
  return { perplexity: Math.exp(loss), loss, ...compared };
}

const allLayers = (llama: FloatLlama): number[] => Array.from({ length: llama.config.layers }, (_, layer) => layer);

/** Windows behind the last of `layers`; to be released. */
export async function runThrough(
  llama: FloatLlama,
  windows: readonly Window[],
  layers: readonly number[] = allLayers(llama),
): Promise<Hidden> {
  const hidden = llama.embed(windows);
  for (const layer of layers) await llama.runBlock(layer, hidden);
  return hidden;
}
