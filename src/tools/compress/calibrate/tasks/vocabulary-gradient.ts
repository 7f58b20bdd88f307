/**
 * The gradients of embedding and head, window after window, into their sum and the sum of their squares. A part is a
 * slice of the vocabulary. Where head and embedding are one matrix, their gradients are added before they are squared.
 */

import { LOGIT_STEP, SLICE, type Slice, slices } from "../passes/head.ts";
import { type HeadLoss, lossBytes, windowOf, windowSlope } from "../passes/head-loss.ts";
import { columnsAt, rowsAt } from "../passes/kernels.ts";
import { layOut } from "../passes/lay-out.ts";
import type { Thread, Work } from "./work.ts";

/** Addresses of a matrix (V, E) of sums, and of one of sums of squares. */
export interface GradientSums {
  readonly sums: number;
  readonly squares: number;
}

export interface VocabularyGradientTask extends HeadLoss {
  readonly kind: "vocabulary-gradient";
  readonly windows: number;
  /** (windows, T, E): the gradient of the embedded tokens. */
  readonly d: number;
  readonly embedding: GradientSums;
  /** The same as `embedding` where the model is tied. */
  readonly output: GradientSums;
}

export const vocabularyGradientParts = (task: Pick<HeadLoss, "head">): number => [...slices(task.head)].length;

const sizes = (task: VocabularyGradientTask, work: number) => ({
  ...lossBytes(task),
  gradient: 4 * SLICE * task.shape.E,
  work,
});

export const vocabularyGradientWork: Work<VocabularyGradientTask> = {
  scratchBytes: (task, work) => layOut(0, sizes(task, work)).end,

  run({ kernels, memory, scratch }, task, part) {
    const { shape, head, windows, embedding, output } = task;
    const { E } = shape;
    const at = layOut(scratch, sizes(task, kernels.gemmWorkBytes())).at;
    const slice = [...slices(head)][part]!;
    const { first, cols } = slice;
    const add = (to: GradientSums): void => {
      const offset = 4 * first * E;
      kernels.addWithSquares(at.gradient, cols * E, to.sums + offset, to.squares + offset);
    };
    for (let window = 0; window < windows; window++) {
      const { rows, slope } = windowSlope(kernels, task, window, at);
      slope(slice);
      kernels.gemm(
        cols,
        E,
        rows,
        columnsAt(at.logits, LOGIT_STEP),
        columnsAt(at.normed, 4 * E),
        rowsAt(at.gradient, 4 * E),
        at.work,
      );
      if (embedding.sums !== output.sums) {
        add(output);
        kernels.clear(at.gradient, 4 * cols * E);
      }
      addEmbedded(memory, task, window, slice, at.gradient);
      add(embedding);
    }
  },
};

/** Adds the gradients of the window's embedded tokens to their rows of `gradient`. */
function addEmbedded(
  memory: Thread["memory"],
  { shape, tokens, d }: VocabularyGradientTask,
  window: number,
  { first, cols }: Slice,
  gradient: number,
): void {
  const { T, E } = shape;
  const ids = new Int32Array(memory.buffer, tokens + 4 * window * T, T);
  const embedded = new Float32Array(memory.buffer, windowOf(d, shape, window), T * E);
  const rows = new Float32Array(memory.buffer, gradient, cols * E);
  for (let t = 0; t < T; t++) {
    const row = ids[t]! - first;
    if (row < 0 || row >= cols) continue;
    for (let i = 0; i < E; i++) rows[row * E + i]! += embedded[t * E + i]!;
  }
}
