/**
 * What SparseGPT and GPTQ need of a layer's Hessian to settle its columns one after the other: the upper Cholesky factor U
 * of the inverse, H⁻¹ = UᵀU, as D_k = 1 / U_kk² and as rows over their diagonal, turned: M_kj = U_jk / U_jj.
 *
 * Neither paper's way, to invert H and factorise that, is taken: H = Lᵀ D L, by Cholesky from the last column to the first,
 * with L unit lower triangular, makes M = L⁻¹. It is half the arithmetic, and H itself is never inverted.
 */
import { OutriderError } from "../model/errors.ts";
import type { Part, Products } from "./subtract-product.ts";

/** Share of the mean of H's diagonal that is added to it, in SparseGPT as in GPTQ. */
const DAMPING = 0.01;
/** By which damping grows when H is not positive definite with it, and where that stops to help. */
const GROWTH = 10;
const MOST_DAMPING = 10;
/** Rows whose effect on the rest is subtracted at once. */
const BATCH = 32;

export interface Factor {
  /** (K, K): M, in row k what column k has to lose when each earlier one loses 1. */
  readonly followers: Float64Array;
  /** (K): D, the error that a loss of 1 in a column leaves when all later ones make up for it. */
  readonly pivots: Float64Array;
  /** The columns in the order in which they are settled. */
  readonly order: Uint32Array;
  /** By column: 1 where the input is always zero, and so is worth no weight. */
  readonly dead: Uint8Array;
  /** Share of the mean diagonal that was added. */
  readonly damping: number;
}

/** Columns from first to last. */
export const naturalOrder = (cols: number): Uint32Array => Uint32Array.from({ length: cols }, (_, k) => k);

/** Columns by falling activation, GPTQ's act-order: those with most to lose settle while all others can still follow. */
export function activationOrder(hessian: Float64Array): Uint32Array {
  const cols = Math.sqrt(hessian.length);
  return naturalOrder(cols).sort((x, y) => hessian[y * cols + y]! - hessian[x * cols + x]! || x - y);
}

/**
 * Factorises `hessian` (K, K), 2/N · Σ x xᵀ or any multiple, for settling in `order`. Damps more where it must. Throws
 * `bad_calibration` when no damping helps.
 */
export function factorise(products: Products, hessian: Float64Array, order: Uint32Array): Factor {
  const cols = order.length;
  const dead = Uint8Array.from({ length: cols }, (_, k) => (hessian[k * cols + k] === 0 ? 1 : 0));
  let mean = 0;
  for (let k = 0; k < cols; k++) mean += (dead[k] ? 1 : hessian[k * cols + k]!) / cols;
  for (let damping = DAMPING; damping <= MOST_DAMPING; damping *= GROWTH) {
    const unit = new Float64Array(cols * cols);
    for (let i = 0; i < cols; i++) {
      for (let j = 0; j <= i; j++) unit[i * cols + j] = hessian[order[i]! * cols + order[j]!]!;
      unit[i * cols + i]! += damping * mean + dead[order[i]!]!;
    }
    const pivots = new Float64Array(cols);
    if (!factoriseInPlace(products, unit, pivots)) continue;
    invertInPlace(products, unit, cols);
    return { followers: unit, pivots, order, dead, damping };
  }
  throw new OutriderError(
    "bad_calibration",
    `a layer's Hessian of ${cols} columns is not positive definite with ${MOST_DAMPING} times its mean diagonal added; look for values that are not finite in the calibration text's activations`,
  );
}

/** From the lower triangle of H to L (its lower triangle) and D. False if a pivot is not positive. */
function factoriseInPlace(products: Products, unit: Float64Array, pivots: Float64Array): boolean {
  const cols = pivots.length;
  // Rows of D·L, which L's rows are multiplied with.
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
    // Of the rows above, the lower triangle, by strips.
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

/** From L, unit lower triangular, to L⁻¹: by rows, L⁻¹ of the rows above being known. */
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
    // With the zeros right of the diagonal, which the factor did not leave.
    for (let n = start; n < end; n++) {
      unit.set(lines.subarray((n - start) * cols, (n - start) * cols + end), n * cols);
    }
  }
}
