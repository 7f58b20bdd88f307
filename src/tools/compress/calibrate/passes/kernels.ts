/**
 * The signatures of calibration's kernels (wasm/calibrate). Addresses and steps are in bytes. Values are f32 unless a
 * comment names another type.
 */
import { CONSTANT_BYTES, writeConstants } from "../../../../core/kernels/constants.ts";

/**
 * Where a factor of a product lies. One of its two steps is 4 bytes: either the values of a row are neighbours, or
 * those of a column.
 */
interface Factor {
  readonly at: number;
  /** Bytes from one row to the next. */
  readonly step: number;
  /** Bytes from one value of a row to the next. */
  readonly depthStep: number;
}

/** A matrix whose rows are neighbouring values, `step` bytes apart. */
interface Rows extends Factor {
  readonly depthStep: 4;
}

/** A matrix as it is stored, row by row. */
export const rowsAt = (at: number, step: number): Rows => ({ at, step, depthStep: 4 });

/** The transpose of a matrix that is stored row by row, `step` bytes apart. */
export const columnsAt = (at: number, step: number): Factor => ({ at, step: 4, depthStep: step });

export interface CalibrationKernels {
  /** C (m, n) = A (m, k) · Bᵀ with B (n, k); `work` is the address of `gemmWorkBytes` of scratch. */
  gemm(m: number, n: number, k: number, a: Factor, b: Factor, c: Rows, work: number): void;
  /** The same, added to C. */
  gemmAdd(m: number, n: number, k: number, a: Factor, b: Factor, c: Rows, work: number): void;
  gemmWorkBytes(): number;
  rmsNorm(x: number, weight: number, cols: number, rows: number, epsilon: number, out: number): void;
  /** Adds to dx (rows, cols) and dWeight (cols). */
  rmsNormBackward(
    x: number,
    weight: number,
    dy: number,
    cols: number,
    rows: number,
    epsilon: number,
    dx: number,
    dWeight: number,
  ): void;
  rotate(
    x: number,
    heads: number,
    size: number,
    rows: number,
    step: number,
    cos: number,
    sin: number,
    sign: 1 | -1,
  ): void;
  softmaxCausal(scores: number, step: number, rows: number, cols: number, first: number, scale: number): void;
  /** Replaces dp by the gradient of the scores. */
  softmaxCausalBackward(
    p: number,
    dp: number,
    step: number,
    rows: number,
    cols: number,
    first: number,
    scale: number,
  ): void;
  swiglu(gateUp: number, width: number, rows: number, out: number): void;
  swigluBackward(gateUp: number, dOut: number, width: number, rows: number, dGateUp: number): void;
  /** A state is three f64 per row: the largest logit, the sum of exponentials relative to it, and its column. */
  logSumSlice(logits: number, step: number, rows: number, cols: number, firstColumn: number, state: number): void;
  /**
   * A state is three f64 per row: the largest logit of p, the sum of exponentials, and the sum of these times p − q.
   */
  crossSlice(p: number, q: number, step: number, rows: number, cols: number, state: number): void;
  /** Replaces the logits by the gradient of scale · cross-entropy to targets (rows, i32). */
  lossSlice(
    logits: number,
    step: number,
    rows: number,
    cols: number,
    firstColumn: number,
    targets: number,
    scale: number,
    state: number,
  ): void;
  /** x (rows, cols) += row (cols), to every row. */
  addRow(x: number, row: number, cols: number, rows: number): void;
  /** sums (cols) += Σ over rows of x. */
  addRows(x: number, cols: number, rows: number, sums: number): void;
  copy(to: number, from: number, bytes: number): void;
  clear(at: number, bytes: number): void;
  /** sums (cols, f64) += Σ over rows of x². */
  columnSquares(x: number, cols: number, rows: number, sums: number): void;
  cosines(a: number, b: number, cols: number, rows: number): number;
  /** sums (n, f64) += values (n). */
  addDoubles(values: number, n: number, sums: number): void;
  addWithSquares(values: number, n: number, sums: number, squares: number): void;
}

/**
 * Address of the task's counter of parts, which workers increment: an i32 in a cache line of its own, behind the
 * constants.
 */
export const COUNTER = CONSTANT_BYTES;
export const FIRST_FREE = COUNTER + 64;

/** What the module exports: products as numbers, in the order of wasm/calibrate/gemm.ts. */
interface Exports extends Omit<CalibrationKernels, "gemm" | "gemmAdd"> {
  gemm(
    m: number,
    n: number,
    k: number,
    a: number,
    aStep: number,
    aDepthStep: number,
    b: number,
    bStep: number,
    bDepthStep: number,
    c: number,
    cStep: number,
    accumulate: 0 | 1,
    work: number,
  ): void;
}

/** Instantiates the module over a memory, which may be shared. Each instance writes the same constants. */
export function bindCalibration(module: WebAssembly.Module, memory: WebAssembly.Memory): CalibrationKernels {
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  writeConstants(memory);
  const kernels = instance.exports as unknown as Exports;
  const gemm =
    (accumulate: 0 | 1): CalibrationKernels["gemm"] =>
    (m, n, k, a, b, c, work) =>
      kernels.gemm(m, n, k, a.at, a.step, a.depthStep, b.at, b.step, b.depthStep, c.at, c.step, accumulate, work);
  return { ...kernels, gemm: gemm(0), gemmAdd: gemm(1) };
}
