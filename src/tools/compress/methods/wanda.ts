/**
 * Wanda (Sun et al. 2023, arXiv 2306.11695), section 3, equation 1: a weight's score is its magnitude times the norm
 * of the input that it multiplies. Kept weights do not change. The paper compares within a row, so the scale of the
 * norms does not matter.
 */
import { keptBy, type Pattern, type Sparse, withZeros } from "./masks.ts";

/** |W| · ‖x‖ (rows, cols), with `squares` (cols) the sums, or means, of the squares of each input. */
export function wandaScores(weights: Float32Array, squares: Float64Array): Float64Array {
  const norms = squares.map(Math.sqrt);
  const cols = norms.length;
  const scores = new Float64Array(weights.length);
  for (let from = 0; from < weights.length; from += cols) {
    for (let k = 0; k < cols; k++) scores[from + k] = Math.abs(weights[from + k]!) * norms[k]!;
  }
  return scores;
}

/** `weights` (rows, cols) without those that `pattern` removes. */
export function wanda(weights: Float32Array, rows: number, squares: Float64Array, pattern: Pattern): Sparse {
  const kept = keptBy(pattern, wandaScores(weights, squares), rows);
  return { weights: withZeros(weights, kept), kept };
}
