/**
 * Where gradients start: the loss of a window and its derivative with respect to the logits, a slice of the vocabulary
 * at a time. The loss is cross-entropy of the next token, or KL(teacher ‖ model).
 */

import {
  type HeadInput,
  LOGIT_STEP,
  logSum,
  pickTargets,
  type Slice,
  STATE_BYTES,
  sliceLogits,
  slices,
  startStates,
} from "./head.ts";
import type { CalibrationKernels } from "./kernels.ts";
import { align, layOut } from "./lay-out.ts";
import type { Shape } from "./shape.ts";

export interface HeadLoss extends HeadInput {
  /** (windows, T) i32 */
  readonly tokens: number;
  /** Has the same windows and the same vocabulary. */
  readonly teacher?: HeadInput | undefined;
  /** Slots for the softmax states of the model's and the teacher's logits, one per window. */
  readonly states: number;
}

const stateBytes = ({ T }: Shape) => ({ own: T * STATE_BYTES, teacher: T * STATE_BYTES });
export const stateSlotBytes = (shape: Shape): number => layOut(0, stateBytes(shape)).end;

/** Scratch of a thread, in bytes. */
export const lossBytes = ({ shape: { T, E }, teacher }: HeadLoss) => ({
  normed: 4 * T * E,
  logits: T * LOGIT_STEP,
  teacherNormed: teacher ? 4 * T * teacher.shape.E : 0,
  teacherLogits: teacher ? T * LOGIT_STEP : 0,
  crossStates: teacher ? T * STATE_BYTES : 0,
});

type LossPlaces = Record<keyof ReturnType<typeof lossBytes>, number> & { readonly work: number };

/** The head of a window, whose normed hidden states (rows, E) are in `normed`. */
interface WindowSlope {
  /** Positions that have a next token. */
  readonly rows: number;
  /** Writes the derivative of the loss, a mean over rows, with respect to a slice of the logits (rows, LOGIT_STEP). */
  slope(slice: Slice): void;
}

/** Computes the loss of a window, and leaves its softmax states for `windowSlope`. */
export function windowLoss(
  kernels: CalibrationKernels,
  memory: WebAssembly.Memory,
  task: HeadLoss,
  window: number,
  at: LossPlaces,
): WindowSlope & { readonly loss: number } {
  const { shape, head, tokens, teacher } = task;
  const slope = windowSlope(kernels, task, window, at);
  const { rows } = slope;
  const states = statesOf(task, window);
  const targets = new Int32Array(memory.buffer, tokens + 4 * (window * shape.T + 1), rows);
  const picked = new Float64Array(rows);
  for (const each of teacher ? [states.own, states.teacher, at.crossStates] : [states.own]) {
    startStates(memory, each, rows);
  }
  for (const slice of slices(head)) {
    const { first, cols } = slice;
    multiply(kernels, task, slice, rows, at);
    kernels.logSumSlice(at.logits, LOGIT_STEP, rows, cols, first, states.own);
    pickTargets(memory, slice, at.logits, targets, picked);
    if (!teacher) continue;
    kernels.logSumSlice(at.teacherLogits, LOGIT_STEP, rows, cols, first, states.teacher);
    kernels.crossSlice(at.teacherLogits, at.logits, LOGIT_STEP, rows, cols, at.crossStates);
  }
  const view = (address: number) => new Float64Array(memory.buffer, address, 3 * rows);
  const [own, other, cross] = [view(states.own), view(states.teacher), view(at.crossStates)];
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    loss += teacher ? rowDivergence(own, other, cross, row) : logSum(own, row) - picked[row]!;
  }
  return { ...slope, loss: loss / rows };
}

/** The head of a window whose softmax states are already there. */
export function windowSlope(kernels: CalibrationKernels, task: HeadLoss, window: number, at: LossPlaces): WindowSlope {
  const { shape, tokens, teacher } = task;
  const rows = shape.T - 1;
  const enter = ({ shape, head, hidden }: HeadInput, normed: number): void =>
    kernels.rmsNorm(windowOf(hidden, shape, window), head.norm, shape.E, rows, shape.epsilon, normed);
  enter(task, at.normed);
  if (teacher) enter(teacher, at.teacherNormed);
  const states = statesOf(task, window);
  return {
    rows,
    slope(slice) {
      const { first, cols } = slice;
      multiply(kernels, task, slice, rows, at);
      const targets = tokens + 4 * (window * shape.T + 1);
      const [{ logits, teacherLogits }, scale] = [at, 1 / rows];
      if (!teacher) kernels.lossSlice(logits, LOGIT_STEP, rows, cols, first, targets, scale, states.own);
      else kernels.divergenceSlice(logits, teacherLogits, LOGIT_STEP, rows, cols, scale, states.own, states.teacher);
    },
  };
}

/** Computes the logits of a slice, the model's and the teacher's. */
function multiply(
  kernels: CalibrationKernels,
  { shape, head, teacher }: HeadLoss,
  slice: Slice,
  rows: number,
  at: LossPlaces,
): void {
  sliceLogits(kernels, shape, head, slice, at.normed, rows, at.logits, at.work);
  if (!teacher) return;
  sliceLogits(kernels, teacher.shape, teacher.head, slice, at.teacherNormed, rows, at.teacherLogits, at.work);
}

const statesOf = ({ shape, states }: HeadLoss, window: number) =>
  layOut(states + window * stateSlotBytes(shape), stateBytes(shape)).at;

/** Address of a window among hidden states. */
export const windowOf = (hidden: number, { T, E }: Shape, window: number): number => hidden + window * align(4 * T * E);

/** KL(other ‖ own) of a row: Σ p · (ln p − ln q), where ln p = logit − log-sum. */
export const rowDivergence = (own: Float64Array, other: Float64Array, cross: Float64Array, row: number): number =>
  cross[3 * row + 2]! / cross[3 * row + 1]! - logSum(other, row) + logSum(own, row);
