/**
 * SparseGPT (Frantar and Alistarh 2023, arXiv 2301.00774). A weight's score is the error that remains after its
 * removal when all later columns compensate it, w² / [H⁻¹]_kk (equation 3); columns.ts then compensates it. Weights
 * are chosen while columns are settled, by their current values (section 3.3, adaptive masks): n:m group by group, other
 * patterns for 128 columns at once.
 */
import { OutriderError } from "../../../core/model/errors.ts";
import type { Factor } from "./cholesky.ts";
import { type Settled, seenTogether, settleColumns } from "./columns.ts";
import { keptBy, type Pattern, patternSpan, type Sparse } from "./masks.ts";
import type { Products } from "./subtract-product.ts";

/** Columns whose weights are compared with each other: the paper's B_s. */
const BLOCK = 128;

/**
 * `weights` (rows, cols) pruned by `pattern`; a pattern without groups applies to each 128 columns. Throws
 * `bad_recipe` when batches would cut groups of columns.
 */
export function sparseGpt(
  products: Products,
  weights: Float32Array,
  rows: number,
  factor: Factor,
  pattern: Pattern,
): Sparse & Settled {
  const { pivots } = factor;
  const cols = pivots.length;
  const span = patternSpan(pattern) ?? BLOCK;
  if (!seenTogether(span)) {
    throw new OutriderError(
      "bad_recipe",
      `sparsegpt: groups of ${span} are not settled together; take 2, 4, 8, 16 or 32`,
    );
  }
  const kept = new Uint8Array(weights.length);
  const settled = settleColumns(products, weights, rows, factor, (k, current) => {
    if (k % span === 0) keepFrom(k, Math.min(span, cols - k), current);
    for (let r = 0; r < rows; r++) if (kept[r * cols + k] === 0) current[k * rows + r] = 0;
  });
  return { ...settled, kept };

  function keepFrom(first: number, count: number, current: Float64Array): void {
    const scores = new Float64Array(rows * count);
    for (let n = 0; n < count; n++) {
      const worth = Math.sqrt(pivots[first + n]!);
      for (let r = 0; r < rows; r++) scores[r * count + n] = Math.abs(current[(first + n) * rows + r]!) * worth;
    }
    const chosen = keptBy(pattern, scores, rows);
    for (let n = 0; n < count; n++) {
      for (let r = 0; r < rows; r++) kept[r * cols + first + n] = chosen[r * count + n]!;
    }
  }
}
