/**
 * SparseGPT (Frantar and Alistarh 2023, arXiv 2301.00774). A weight's score is the error that remains after its
 * removal when all later columns compensate it, w² / [H⁻¹]_kk (equation 3); columns.ts then compensates it. Weights
 * are chosen while columns are settled, by their current values (section 3.3, adaptive masks): n:m and v:n:m group by
 * group, other patterns for 128 columns at once. With a grid, kept weights are rounded in the same step (section 3.5).
 */
import { OutriderError } from "../../../core/model/errors.ts";
import type { Factor } from "./cholesky.ts";
import { type Settled, seenTogether, settleColumns } from "./columns.ts";
import { codeOf, type Grid, levelOf } from "./grid.ts";
import { keptBy, type Pattern, patternSpan, type Sparse } from "./masks.ts";
import type { Products } from "./subtract-product.ts";

/** Columns whose weights are compared with each other: the paper's B_s. */
const BLOCK = 128;

/**
 * `weights` (rows, cols) pruned by `pattern`; a pattern without groups applies to each 128 columns. Kept weights are
 * rounded to `grid` if there is one. Throws `bad_recipe` when batches would cut groups of columns.
 */
export function sparseGpt(
  products: Products,
  weights: Float32Array,
  rows: number,
  factor: Factor,
  pattern: Pattern,
  grid?: Grid,
): Sparse & Settled {
  const { pivots, order } = factor;
  const cols = order.length;
  const span = patternSpan(pattern) ?? BLOCK;
  if (span !== BLOCK && (!seenTogether(span) || order.some((column, k) => column !== k))) {
    throw new OutriderError(
      "bad_recipe",
      `sparsegpt: groups of ${span} are not settled together; take 2, 4, 8, 16 or 32, and columns in natural order`,
    );
  }
  const kept = new Uint8Array(weights.length);
  const settled = settleColumns(products, weights, rows, factor, (k, current) => {
    if (k % span === 0) keepFrom(k, Math.min(span, cols - k), current);
    const column = order[k]!;
    for (let r = 0; r < rows; r++) {
      const at = k * rows + r;
      if (kept[r * cols + column] === 0) current[at] = 0;
      else if (grid) current[at] = onGrid(grid, r, column, cols, current[at]!);
    }
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
      for (let r = 0; r < rows; r++) kept[r * cols + order[first + n]!] = chosen[r * count + n]!;
    }
  }
}

function onGrid(grid: Grid, row: number, column: number, cols: number, value: number): number {
  const at = row * Math.ceil(cols / grid.group) + Math.floor(column / grid.group);
  return levelOf(grid, at, codeOf(grid, at, value));
}
