/**
 * Least squares in closed form: the change of a matrix W that brings W x nearest to W x + r over all samples, with a
 * ridge that pulls the change to zero. It minimises Σ ‖r − Δ x‖² + λ ‖Δ‖², so Δ (Σ x xᵀ + λ I) = Σ r xᵀ. The update of
 * SparseGPT (Frantar and Alistarh 2023, arXiv 2301.00774, section 3.1) solves the same equations for a layer's own old
 * output.
 */
import { factorise, naturalOrder } from "./cholesky.ts";
import type { Part, Products } from "./subtract-product.ts";

/** Columns whose products are subtracted at once. */
const BATCH = 32;

/**
 * Δ, transposed: (K, N). `gram` (K, K) is Σ x xᵀ, of which only the lower triangle is read, and `cross` (N, K) is
 * Σ r xᵀ.
 * λ is `factorise`'s damping, a hundredth of the mean of gram's diagonal. A column that is always zero keeps its
 * weights and does not count in that mean.
 */
export function ridge(products: Products, gram: Float64Array, cross: Float64Array): Float64Array {
  const cols = Math.sqrt(gram.length);
  const rows = cross.length / cols;
  let sum = 0;
  let live = 0;
  for (let k = 0; k < cols; k++) {
    sum += gram[k * cols + k]!;
    if (gram[k * cols + k] !== 0) live++;
  }
  // `factorise` counts a zero column as 1, so the mean of the others is made 1.
  const scale = live / sum;
  const solution = new Float64Array(cols * rows);
  if (live === 0) return solution;
  const { followers, pivots } = factorise(
    products,
    gram.map((value) => value * scale),
    naturalOrder(cols),
  );
  // With M = followers and D = pivots, the inverse is M D⁻¹ Mᵀ. Each product below changes the sign.
  const right = new Float64Array(cols * rows);
  for (let k = 0; k < cols; k++) for (let n = 0; n < rows; n++) right[k * rows + n] = scale * cross[n * cols + k]!;
  const part = (values: Float64Array, at: number, row: number, col: number): Part => ({ values, at, row, col });
  const turned = new Float64Array(cols * rows);
  for (let start = 0; start < cols; start += BATCH) {
    const end = Math.min(cols, start + BATCH);
    const factors = part(followers, start * cols, 1, cols);
    products.subtract(part(turned, 0, rows, 1), factors, part(right, start * rows, rows, 1), end, rows, end - start);
  }
  for (let k = 0; k < cols; k++) for (let n = 0; n < rows; n++) turned[k * rows + n]! /= pivots[k]!;
  for (let start = 0; start < cols; start += BATCH) {
    const end = Math.min(cols, start + BATCH);
    const out = part(solution, start * rows, rows, 1);
    const factors = part(followers, start * cols + start, cols, 1);
    products.subtract(out, factors, part(turned, start * rows, rows, 1), cols - start, rows, end - start);
  }
  return solution;
}
