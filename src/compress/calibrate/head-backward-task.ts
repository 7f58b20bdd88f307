/** The mean cross-entropy of a window and its gradient at the last block's output; a part is a window. */
import { align, layOut } from "./arena.ts";
import { LOGIT_STEP, logSum, pickTargets, STATE_BYTES, sliceLogits, slices, startStates } from "./head.ts";
import type { HeadInput } from "./head-task.ts";
import type { Shape } from "./shape.ts";
import type { Work } from "./work.ts";

export interface HeadBackwardTask extends HeadInput {
  readonly kind: "head-backward";
  /** (windows, T) i32 */ readonly tokens: number;
  /** (windows) f64: the mean over positions 1 … T − 1. */ readonly losses: number;
  /** (windows, T, E) */ readonly d: number;
  /** (windows, E) */ readonly dNorm: number;
}

const sizes = ({ T, E }: Shape, work: number) => ({
  normed: 4 * T * E,
  dNormed: 4 * T * E,
  logits: T * LOGIT_STEP,
  states: T * STATE_BYTES,
  work,
});

export const headBackwardWork: Work<HeadBackwardTask> = {
  scratchBytes: ({ shape }, work) => layOut(0, sizes(shape, work)).end,

  run({ kernels, memory, scratch }, { shape, head, hidden, tokens, losses, d, dNorm }, window) {
    const { T, E, epsilon } = shape;
    const rows = T - 1;
    const at = layOut(scratch, sizes(shape, kernels.gemmWorkBytes())).at;
    const x = hidden + window * align(4 * T * E);
    kernels.rmsNorm(x, head.norm, E, rows, epsilon, at.normed);
    startStates(memory, at.states, rows);
    const targetsAt = tokens + 4 * (window * T + 1);
    const targets = new Int32Array(memory.buffer, targetsAt, rows);
    const picked = new Float64Array(rows);
    for (const slice of slices(head)) {
      sliceLogits(kernels, shape, head, slice, at.normed, rows, at.logits, at.work);
      kernels.logSumSlice(at.logits, LOGIT_STEP, rows, slice.cols, slice.first, at.states);
      pickTargets(memory, slice, at.logits, targets, picked);
    }
    const states = new Float64Array(memory.buffer, at.states, 3 * rows);
    const loss = picked.reduce((sum, logit, row) => sum + logSum(states, row) - logit, 0) / rows;
    new Float64Array(memory.buffer)[losses / 8 + window] = loss;

    kernels.clear(at.dNormed, 4 * rows * E);
    for (const slice of slices(head)) {
      const { first, cols } = slice;
      sliceLogits(kernels, shape, head, slice, at.normed, rows, at.logits, at.work);
      kernels.lossSlice(at.logits, LOGIT_STEP, rows, cols, first, targetsAt, 1 / rows, at.states);
      const weights = head.weights + 4 * first * E;
      kernels.gemm(rows, E, cols, at.logits, LOGIT_STEP, 4, weights, 4, 4 * E, at.dNormed, 4 * E, 1, at.work);
    }
    const dx = d + window * align(4 * T * E);
    const dWeight = dNorm + window * align(4 * E);
    kernels.clear(dx, 4 * T * E);
    kernels.clear(dWeight, 4 * E);
    kernels.rmsNormBackward(x, head.norm, at.dNormed, E, rows, epsilon, dx, dWeight);
  },
};
