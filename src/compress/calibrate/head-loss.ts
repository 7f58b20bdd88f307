/**
 * What gradients start from: a window's loss at the head and its slope at the logits, a slice of the vocabulary at a time.
 * The loss is cross-entropy of the next token, or KL(teacher ‖ model) where another model's answers are to be given instead
 * of the text.
 */
import { align } from "./arena.ts";
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
import type { Shape } from "./shape.ts";

export interface HeadLoss extends HeadInput {
  /** (windows, T) i32 */ readonly tokens: number;
  /** As many tokens, as large a vocabulary. */ readonly teacher?: HeadInput | undefined;
}

/** What a thread needs for it. */
export const lossBytes = ({ shape: { T, E }, teacher }: HeadLoss) => ({
  normed: 4 * T * E,
  logits: T * LOGIT_STEP,
  states: T * STATE_BYTES,
  teacherNormed: teacher ? 4 * T * teacher.shape.E : 0,
  teacherLogits: teacher ? T * LOGIT_STEP : 0,
  teacherStates: teacher ? T * STATE_BYTES : 0,
  crossStates: teacher ? T * STATE_BYTES : 0,
});

export type LossPlaces = Record<keyof ReturnType<typeof lossBytes>, number> & { readonly work: number };

export interface WindowLoss {
  /** The mean over the `rows` positions that have a next token. */ readonly loss: number;
  readonly rows: number;
  /** Puts the slope of the loss at a slice of the logits (rows, LOGIT_STEP) into `logits`. */
  slope(slice: Slice): void;
}

/** Runs a window's head. Leaves the normed hidden states (rows, E) in `normed`. */
export function windowLoss(
  kernels: CalibrationKernels,
  memory: WebAssembly.Memory,
  { shape, head, hidden, tokens, teacher }: HeadLoss,
  window: number,
  at: LossPlaces,
): WindowLoss {
  const rows = shape.T - 1;
  const targetsAt = tokens + 4 * (window * shape.T + 1);
  const enter = ({ shape, head, hidden }: HeadInput, normed: number, states: number): void => {
    kernels.rmsNorm(windowOf(hidden, shape, window), head.norm, shape.E, rows, shape.epsilon, normed);
    startStates(memory, states, rows);
  };
  const multiply = (slice: Slice): void => {
    sliceLogits(kernels, shape, head, slice, at.normed, rows, at.logits, at.work);
    if (!teacher) return;
    sliceLogits(kernels, teacher.shape, teacher.head, slice, at.teacherNormed, rows, at.teacherLogits, at.work);
  };

  enter({ shape, head, hidden }, at.normed, at.states);
  if (teacher) {
    enter(teacher, at.teacherNormed, at.teacherStates);
    startStates(memory, at.crossStates, rows);
  }
  const targets = new Int32Array(memory.buffer, targetsAt, rows);
  const picked = new Float64Array(rows);
  for (const slice of slices(head)) {
    const { first, cols } = slice;
    multiply(slice);
    kernels.logSumSlice(at.logits, LOGIT_STEP, rows, cols, first, at.states);
    pickTargets(memory, slice, at.logits, targets, picked);
    if (!teacher) continue;
    kernels.logSumSlice(at.teacherLogits, LOGIT_STEP, rows, cols, first, at.teacherStates);
    kernels.crossSlice(at.teacherLogits, at.logits, LOGIT_STEP, rows, cols, at.crossStates);
  }
  const states = (address: number) => new Float64Array(memory.buffer, address, 3 * rows);
  const own = states(at.states);
  let loss = 0;
  for (let row = 0; row < rows; row++) loss += logSum(own, row) - picked[row]!;
  if (teacher) loss = divergence(own, states(at.teacherStates), states(at.crossStates), rows);

  return {
    loss: loss / rows,
    rows,
    slope(slice) {
      const { first, cols } = slice;
      multiply(slice);
      const scale = 1 / rows;
      if (!teacher) kernels.lossSlice(at.logits, LOGIT_STEP, rows, cols, first, targetsAt, scale, at.states);
      else {
        const { logits, states, teacherLogits, teacherStates } = at;
        kernels.divergenceSlice(logits, teacherLogits, LOGIT_STEP, rows, cols, scale, states, teacherStates);
      }
    },
  };
}

/** A window among hidden states. */
export const windowOf = (hidden: number, { T, E }: Shape, window: number): number => hidden + window * align(4 * T * E);

/** Σ over rows of KL(other ‖ own), from finished states. */
function divergence(own: Float64Array, other: Float64Array, cross: Float64Array, rows: number): number {
  let sum = 0;
  for (let row = 0; row < rows; row++) sum += rowDivergence(own, other, cross, row);
  return sum;
}

/** KL(other ‖ own) of a row: Σ p · (ln p − ln q), where ln p = logit − log-sum. */
export const rowDivergence = (own: Float64Array, other: Float64Array, cross: Float64Array, row: number): number =>
  cross[3 * row + 2]! / cross[3 * row + 1]! - logSum(other, row) + logSum(own, row);
