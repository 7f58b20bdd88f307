/**
 * Outliers: the few weights of a row that its format rounds worst, kept on top of it in 16 bits. SqueezeLLM (Kim et al. 2023,
 * arXiv 2306.07629), section 4.2, takes them over the whole matrix; here every row has as many, so that no lane waits.
 */

/** The `count` largest of values − rounded of each row, both (rows, cols): columns, rising, and what to add there. */
export function largestResiduals(
  values: Float32Array,
  rounded: Float32Array,
  rows: number,
  cols: number,
  count: number,
): { columns: Uint16Array; values: Float32Array } {
  const columns = new Uint16Array(rows * count);
  const residuals = new Float32Array(rows * count);
  for (let row = 0; row < rows; row++) {
    const error = Array.from({ length: cols }, (_, k) => values[row * cols + k]! - rounded[row * cols + k]!);
    const worst = error.map((_, k) => k).sort((x, y) => Math.abs(error[y]!) - Math.abs(error[x]!) || x - y);
    for (const [j, k] of worst
      .slice(0, count)
      .sort((x, y) => x - y)
      .entries()) {
      columns[row * count + j] = k;
      residuals[row * count + j] = error[k]!;
    }
  }
  return { columns, values: residuals };
}
