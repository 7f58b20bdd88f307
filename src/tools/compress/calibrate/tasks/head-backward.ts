/**
 * Where gradients start: the cross-entropy of a window's next tokens and its gradient at the last block's output, a
 * slice of the vocabulary at a time. A part is a window.
 */

import {
  type HeadInput,
  LOGIT_STEP,
  logSum,
  pickTargets,
  STATE_BYTES,
  sliceLogits,
  slices,
  startStates,
} from "../passes/head.ts";
import { columnsAt, rowsAt } from "../passes/kernels.ts";
import { align, layOut } from "../passes/lay-out.ts";
import type { Work } from "./work.ts";

export interface HeadBackwardTask extends HeadInput {
  readonly kind: "head-backward";
  /** (windows, T) i32 */
  readonly tokens: number;
  /** (windows) f64: the mean over positions 1 … T − 1. */
  readonly losses: number;
  /** (windows, T, E) */
  readonly d: number;
}

const sizes = ({ shape: { T, E } }: HeadBackwardTask, work: number) => ({
  normed: 4 * T * E,
  logits: T * LOGIT_STEP,
  states: T * STATE_BYTES,
  dNormed: 4 * T * E,
  // The gradient of the final norm, which nobody reads.
  dNorm: 4 * E,
  work,
});

export const headBackwardWork: Work<HeadBackwardTask> = {
  scratchBytes: (task, work) => layOut(0, sizes(task, work)).end,

  run({ kernels, memory, scratch }, task, window) {
    const { shape, head, tokens, losses } = task;
    const { T, E, epsilon } = shape;
    const rows = T - 1;
    const at = layOut(scratch, sizes(task, kernels.gemmWorkBytes())).at;
    const ofWindow = (states: number): number => states + window * align(4 * T * E);
    const hidden = ofWindow(task.hidden);
    kernels.rmsNorm(hidden, head.norm, E, rows, epsilon, at.normed);
    startStates(memory, at.states, rows);
    const ids = tokens + 4 * (window * T + 1);
    const targets = new Int32Array(memory.buffer, ids, rows);
    const picked = new Float64Array(rows);
    for (const slice of slices(head)) {
      sliceLogits(kernels, shape, head, slice, at.normed, rows, at.logits, at.work);
      kernels.logSumSlice(at.logits, LOGIT_STEP, rows, slice.cols, slice.first, at.states);
      pickTargets(memory, slice, at.logits, targets, picked);
    }
    const sums = new Float64Array(memory.buffer, at.states, 3 * rows);
    const loss = picked.reduce((sum, logit, row) => sum + logSum(sums, row) - logit, 0);
    new Float64Array(memory.buffer)[losses / 8 + window] = loss / rows;

    kernels.clear(at.dNormed, 4 * rows * E);
    for (const slice of slices(head)) {
      const { first, cols } = slice;
      sliceLogits(kernels, shape, head, slice, at.normed, rows, at.logits, at.work);
      kernels.lossSlice(at.logits, LOGIT_STEP, rows, cols, first, ids, 1 / rows, at.states);
      const weights = columnsAt(head.weights + 4 * first * E, 4 * E);
      const dNormed = rowsAt(at.dNormed, 4 * E);
      kernels.gemmAdd(rows, E, cols, rowsAt(at.logits, LOGIT_STEP), weights, dNormed, at.work);
    }
    const dx = ofWindow(task.d);
    kernels.clear(dx, 4 * T * E);
    kernels.clear(at.dNorm, 4 * E);
    kernels.rmsNormBackward(hidden, head.norm, at.dNormed, E, rows, epsilon, dx, at.dNorm);
  },
};
