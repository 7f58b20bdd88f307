/** A model's predictions after each token of a window, alone or compared with another model; a part is a window. */

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
import { align, layOut } from "../passes/lay-out.ts";
import type { Work } from "./work.ts";

export interface HeadTask extends HeadInput {
  readonly kind: "head";
  /** The model to compare with, on the same windows and with the same vocabulary. */
  readonly against?: HeadInput;
  /** (windows, T) i32 */
  readonly tokens: number;
  /** (windows, T − 1, FIELDS) f64 */
  readonly answers: number;
}

/**
 * Fields of each position but the last: cross-entropy of the next token, argmax, KL(other ‖ this), the other's argmax.
 * The last two are zero without another model.
 */
export const FIELDS = 4;

const sizes = ({ shape, against }: HeadTask, work: number) => ({
  normed: 4 * shape.T * shape.E,
  logits: shape.T * LOGIT_STEP,
  states: shape.T * STATE_BYTES,
  otherNormed: against ? 4 * against.shape.T * against.shape.E : 0,
  otherLogits: against ? shape.T * LOGIT_STEP : 0,
  otherStates: against ? shape.T * STATE_BYTES : 0,
  crossStates: against ? shape.T * STATE_BYTES : 0,
  work,
});

export const headWork: Work<HeadTask> = {
  scratchBytes: (task, work) => layOut(0, sizes(task, work)).end,

  run({ kernels, memory, scratch }, task, window) {
    const { shape, head, against, tokens, answers } = task;
    const rows = shape.T - 1;
    const at = layOut(scratch, sizes(task, kernels.gemmWorkBytes())).at;
    const enter = ({ shape: { T, E, epsilon }, head, hidden }: HeadInput, normed: number, states: number): void => {
      kernels.rmsNorm(hidden + window * align(4 * T * E), head.norm, E, rows, epsilon, normed);
      startStates(memory, states, rows);
    };
    enter(task, at.normed, at.states);
    if (against) {
      enter(against, at.otherNormed, at.otherStates);
      startStates(memory, at.crossStates, rows);
    }
    const targets = new Int32Array(memory.buffer, tokens + 4 * (window * shape.T + 1), rows);
    const picked = new Float64Array(rows);
    for (const slice of slices(head)) {
      const { first, cols } = slice;
      sliceLogits(kernels, shape, head, slice, at.normed, rows, at.logits, at.work);
      kernels.logSumSlice(at.logits, LOGIT_STEP, rows, cols, first, at.states);
      pickTargets(memory, slice, at.logits, targets, picked);
      if (!against) continue;
      sliceLogits(kernels, against.shape, against.head, slice, at.otherNormed, rows, at.otherLogits, at.work);
      kernels.logSumSlice(at.otherLogits, LOGIT_STEP, rows, cols, first, at.otherStates);
      kernels.crossSlice(at.otherLogits, at.logits, LOGIT_STEP, rows, cols, at.crossStates);
    }
    const states = (address: number) => new Float64Array(memory.buffer, address, 3 * rows);
    const [own, other, cross] = [states(at.states), states(at.otherStates), states(at.crossStates)];
    const out = new Float64Array(memory.buffer, answers + 8 * window * rows * FIELDS, rows * FIELDS);
    for (let row = 0; row < rows; row++) {
      const sum = logSum(own, row);
      const answer = [sum - picked[row]!, own[3 * row + 2]!, 0, 0];
      if (against) {
        answer[2] = rowDivergence(own, other, cross, row);
        answer[3] = other[3 * row + 2]!;
      }
      out.set(answer, row * FIELDS);
    }
  },
};

/** KL(other ‖ own) of a row: Σ p · (ln p − ln q), where ln p = logit − log-sum. */
const rowDivergence = (own: Float64Array, other: Float64Array, cross: Float64Array, row: number): number =>
  cross[3 * row + 2]! / cross[3 * row + 1]! - logSum(other, row) + logSum(own, row);
