/**
 * Magnitude pruning: the smallest weights go, whatever they are multiplied with. Han et al. 2015 (arXiv 1506.02626); as the
 * baseline of SparseGPT and Wanda, one threshold for a whole matrix.
 */
import { keptBy, type Pattern, type Sparse, withZeros } from "./masks.ts";

/** `weights` (rows, cols) without those that `pattern` lets go. */
export function magnitude(weights: Float32Array, rows: number, pattern: Pattern): Sparse {
  const kept = keptBy(pattern, new Float64Array(weights).map(Math.abs), rows);
  return { weights: withZeros(weights, kept), kept };
}
