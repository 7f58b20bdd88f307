/**
 * The loop of SparseGPT (Frantar and Alistarh 2023, arXiv 2301.00774), section 3.3 and algorithm 1: a layer's columns
 * are settled one after the other, and all later columns compensate the change by least squares.
 */
import type { Factor } from "./cholesky.ts";
import type { Products } from "./subtract-product.ts";

/**
 * Columns whose effect on those after the batch is applied at once (lazy updates). The result is the same for any
 * number.
 */
const BATCH = 32;

/** Settles column k: changes its `rows` values, which start at `current[k · rows]`. */
type Settle = (k: number, current: Float64Array) => void;

export interface Settled {
  /** (rows, cols). */
  readonly weights: Float32Array;
  /** tr(Δ H Δᵀ) with the damped H, where Δ is the change of all weights. */
  readonly error: number;
}

/**
 * Whether columns k … k + span − 1, k a multiple of `span`, all hold the effect of the columns before k when k is
 * settled. They do if no batch ends within them.
 */
export const seenTogether = (span: number): boolean => span % BATCH === 0 || BATCH % span === 0;

/**
 * Calls `settle` for every column, with the weights transposed: (cols, rows). The columns of the
 * current batch hold the effect of all columns settled so far; later columns hold it at the start of a batch.
 */
export function settleColumns(
  products: Products,
  weights: Float32Array,
  rows: number,
  factor: Factor,
  settle: Settle,
): Settled {
  const { followers, pivots, dead } = factor;
  const cols = pivots.length;
  const current = new Float64Array(cols * rows);
  for (let k = 0; k < cols; k++) {
    if (!dead[k]) for (let r = 0; r < rows; r++) current[k * rows + r] = weights[r * cols + k]!;
  }
  const losses = new Float64Array(BATCH * rows);
  const before = new Float64Array(rows);
  let error = 0;
  for (let start = 0; start < cols; start += BATCH) {
    const end = Math.min(start + BATCH, cols);
    for (let k = start; k < end; k++) {
      const own = current.subarray(k * rows, (k + 1) * rows);
      before.set(own);
      settle(k, current);
      const loss = losses.subarray((k - start) * rows, (k - start + 1) * rows);
      for (let r = 0; r < rows; r++) {
        loss[r] = before[r]! - own[r]!;
        error += pivots[k]! * loss[r]! ** 2;
      }
      for (let m = k + 1; m < end; m++) {
        const share = followers[m * cols + k]!;
        const row = m * rows;
        for (let r = 0; r < rows; r++) current[row + r]! -= share * loss[r]!;
      }
    }
    const rest = { values: current, at: end * rows, row: rows, col: 1 };
    const shares = { values: followers, at: end * cols + start, row: cols, col: 1 };
    const batch = { values: losses, at: 0, row: rows, col: 1 };
    products.subtract(rest, shares, batch, cols - end, rows, end - start);
  }
  const settled = new Float32Array(weights.length);
  for (let k = 0; k < cols; k++) {
    for (let r = 0; r < rows; r++) settled[r * cols + k] = current[k * rows + r]!;
  }
  return { weights: settled, error };
}
