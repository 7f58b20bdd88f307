/**
 * As many weights kept apart in every row, so that no lane of a sparse kernel waits for another: SqueezeLLM's balanced sparse
 * kernels (Kim et al. 2023, arXiv 2306.07629, section 4.3) deal rows of unequal length to threads instead.
 */

/**
 * `apart` (rows, cols) changed to exactly `count` a row: of rows with more the smallest weights return, rows with fewer take
 * their largest. Among equals the first column stays or goes first.
 */
export function balanceRows(apart: Uint8Array, weights: Float32Array, rows: number, count: number): Uint8Array {
  const cols = weights.length / rows;
  const balanced = new Uint8Array(apart.length);
  for (let row = 0; row < rows; row++) {
    const size = (k: number) => Math.abs(weights[row * cols + k]!);
    const marked = (k: number) => apart[row * cols + k]!;
    const order = Array.from({ length: cols }, (_, k) => k).sort(
      (x, y) => marked(y) - marked(x) || size(y) - size(x) || x - y,
    );
    for (const k of order.slice(0, count)) balanced[row * cols + k] = 1;
  }
  return balanced;
}
