/**
 * Magnitude pruning: the smallest weights are removed, whatever their inputs. Han et al. 2015 (arXiv 1506.02626); as
 * the baseline of SparseGPT and Wanda, with one threshold for a whole matrix.
 */
import { keptBy, type Pattern, type Sparse, withZeros } from "./masks.ts";

/** `weights` (rows, cols) without those that `pattern` removes. */
export function magnitude(weights: Float32Array, rows: number, pattern: Pattern): Sparse {
  const kept = keptBy(pattern, new Float64Array(weights).map(Math.abs), rows);
  return { weights: withZeros(weights, kept), kept };
}
