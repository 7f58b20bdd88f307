/** The head over one window, a slice of the vocabulary at a time, so that the logits need little memory. */
import { type CalibrationKernels, rowsAt } from "./kernels.ts";
import type { Shape } from "./shape.ts";

/** Tokens of one slice of logits. */
export const SLICE = 4096;
/** Bytes of the softmax state of a row (wasm/calibrate/loss.ts). */
export const STATE_BYTES = 24;

/** Final norm and head of a model. */
export interface Head {
  readonly norm: number; // (E)
  readonly weights: number; // (V, E)
  readonly vocabulary: number;
}

/** Hidden states after the last block, and the head that reads them. */
export interface HeadInput {
  readonly shape: Shape;
  readonly head: Head;
  /** (windows, T, E) */
  readonly hidden: number;
}

/** A slice of logits: `cols` of them from column `first`. */
interface Slice {
  readonly first: number;
  readonly cols: number;
}

export function* slices({ vocabulary }: Head): Generator<Slice> {
  for (let first = 0; first < vocabulary; first += SLICE) {
    yield { first, cols: Math.min(SLICE, vocabulary - first) };
  }
}

export const LOGIT_STEP = 4 * SLICE;

/** Writes the logits of a slice for normed hidden states (rows, E). */
export function sliceLogits(
  kernels: CalibrationKernels,
  { E }: Shape,
  head: Head,
  { first, cols }: Slice,
  normed: number,
  rows: number,
  logits: number,
  work: number,
): void {
  kernels.gemm(
    rows,
    cols,
    E,
    rowsAt(normed, 4 * E),
    rowsAt(head.weights + 4 * first * E, 4 * E),
    rowsAt(logits, LOGIT_STEP),
    work,
  );
}

/** Sets the states to those before the first slice. */
export function startStates(memory: WebAssembly.Memory, at: number, rows: number): void {
  const states = new Float64Array(memory.buffer, at, 3 * rows);
  states.fill(0);
  for (let row = 0; row < rows; row++) states[3 * row] = Number.NEGATIVE_INFINITY;
}

/** ln Σ e^logit of a row, from its finished state. */
export function logSum(states: Float64Array, row: number): number {
  return states[3 * row]! + Math.log(states[3 * row + 1]!);
}

/** Stores in `picked` the target logits that lie in this slice. */
export function pickTargets(
  memory: WebAssembly.Memory,
  { first, cols }: Slice,
  logits: number,
  targets: Int32Array,
  picked: Float64Array,
): void {
  const values = new Float32Array(memory.buffer);
  for (const [row, target] of targets.entries()) {
    if (target >= first && target < first + cols)
      picked[row] = values[(logits + row * LOGIT_STEP) / 4 + target - first]!;
  }
}
