/**
 * The factor of a layer's Hessian H by which SparseGPT settles columns one after the other. It needs the upper Cholesky
 * factor U of the inverse, H⁻¹ = UᵀU. It is kept as D_k = 1 / U_kk², and as M_kj = U_jk / U_jj: the transpose of U with
 * each row divided by its diagonal.
 *
 * The paper inverts H and factorises the inverse. Here H = Lᵀ D L is factorised, by Cholesky from the last column to
 * the first with L unit lower triangular; then M = L⁻¹. That is half the arithmetic, and H is never inverted.
 */
import { OutriderError } from "../../../core/model/errors.ts";
import type { Part, Products } from "./subtract-product.ts";

/** Share of the mean of H's diagonal that is added to it, as in the authors' code. */
const DAMPING = 0.01;
/** Factor by which damping grows when the damped H is not positive definite. */
const GROWTH = 10;
/** Damping beyond which `factorise` gives up. */
const MOST_DAMPING = 10;
/** Rows whose effect on the rest is subtracted at once. */
const BATCH = 32;

export interface Factor {
  /** (K, K): M. Row k holds how much column k must lose for each 1 that an earlier column loses. */
  readonly followers: Float64Array;
  /** (K): D, the error that remains after a loss of 1 in a column when all later columns compensate it. */
  readonly pivots: Float64Array;
  /** By column: 1 where the input is always zero, so that its weights do not matter. */
  readonly dead: Uint8Array;
  /** Share of the mean diagonal that was added. */
  readonly damping: number;
}

/**
 * Factorises `hessian` (K, K), 2/N · Σ x xᵀ or any multiple. Raises the damping until the sum is positive definite.
 * Throws `bad_calibration` when no damping suffices.
 */
export function factorise(products: Products, hessian: Float64Array): Factor {
  const cols = Math.sqrt(hessian.length);
  const dead = Uint8Array.from({ length: cols }, (_, k) => (hessian[k * cols + k] === 0 ? 1 : 0));
  let mean = 0;
  for (let k = 0; k < cols; k++) mean += (dead[k] ? 1 : hessian[k * cols + k]!) / cols;
  for (let damping = DAMPING; damping <= MOST_DAMPING; damping *= GROWTH) {
    const unit = new Float64Array(cols * cols);
    for (let i = 0; i < cols; i++) {
      for (let j = 0; j <= i; j++) unit[i * cols + j] = hessian[i * cols + j]!;
      unit[i * cols + i]! += damping * mean + dead[i]!;
    }
    const pivots = new Float64Array(cols);
    if (!factoriseInPlace(products, unit, pivots)) continue;
    invertInPlace(products, unit, cols);
    return { followers: unit, pivots, dead, damping };
  }
  throw new OutriderError(
    "bad_calibration",
    `a layer's Hessian of ${cols} columns is not positive definite with ${MOST_DAMPING} times its mean diagonal ` +
      "added; look for values that are not finite in the calibration text's activations",
  );
}

/** From the lower triangle of H to L (its lower triangle) and D. False if a pivot is not positive. */
function factoriseInPlace(products: Products, unit: Float64Array, pivots: Float64Array): boolean {
  const cols = pivots.length;
  // Rows of D·L.
  const scaled = new Float64Array(BATCH * cols);
  for (let end = cols; end > 0; end -= BATCH) {
    const start = Math.max(0, end - BATCH);
    for (let n = end - 1; n >= start; n--) {
      const pivot = unit[n * cols + n]!;
      if (!(pivot > 0 && pivot < Number.POSITIVE_INFINITY)) return false;
      pivots[n] = pivot;
      const own = unit.subarray(n * cols, n * cols + n);
      scaled.set(own, (n - start) * cols);
      for (let k = 0; k < n; k++) own[k]! /= pivot;
      unit[n * cols + n] = 1;
      for (let m = start; m < n; m++) {
        const factor = scaled[(n - start) * cols + m]!;
        for (let k = 0; k <= m; k++) unit[m * cols + k]! -= factor * own[k]!;
      }
    }
    // Updates the lower triangle of the rows above, strip by strip.
    const rows: Part = { values: unit, at: start * cols, row: cols, col: 1 };
    for (let top = 0; top < start; top += BATCH) {
      const bottom = Math.min(top + BATCH, start);
      const strip: Part = { values: unit, at: top * cols, row: cols, col: 1 };
      const factors: Part = { values: scaled, at: top, row: 1, col: cols };
      products.subtract(strip, factors, rows, bottom - top, bottom, end - start);
    }
  }
  return true;
}

/** Replaces L, unit lower triangular, by L⁻¹, row by row: a row needs L⁻¹ of the rows above it. */
function invertInPlace(products: Products, unit: Float64Array, cols: number): void {
  const lines = new Float64Array(BATCH * cols);
  const out: Part = { values: lines, at: 0, row: cols, col: 1 };
  for (let start = 0; start < cols; start += BATCH) {
    const end = Math.min(start + BATCH, cols);
    lines.fill(0);
    for (let left = 0; left < start; left += BATCH) {
      const factors: Part = { values: unit, at: start * cols + left, row: cols, col: 1 };
      const above: Part = { values: unit, at: left * cols, row: cols, col: 1 };
      products.subtract(out, factors, above, end - start, left + BATCH, BATCH);
    }
    for (let n = start; n < end; n++) {
      const own = lines.subarray((n - start) * cols, (n - start + 1) * cols);
      own[n] = 1;
      for (let m = start; m < n; m++) {
        const factor = unit[n * cols + m]!;
        const line = (m - start) * cols;
        for (let k = 0; k <= m; k++) own[k]! -= factor * lines[line + k]!;
      }
    }
    // Including the zeros right of the diagonal, where the factor left other values.
    for (let n = start; n < end; n++) {
      unit.set(lines.subarray((n - start) * cols, (n - start) * cols + end), n * cols);
    }
  }
}
