/**
 * Outliers of a row: the few weights that its format rounds worst. SqueezeLLM (Kim et al. 2023, arXiv 2306.07629),
 * section 4.2, chooses them over the whole matrix (squeezellm.ts); here every row has the same number.
 */

/** 1 where values − rounded, both (rows, cols), is among the `count` largest of its row; among equals the first. */
export function largestResiduals(values: Float32Array, rounded: Float32Array, rows: number, count: number): Uint8Array {
  const cols = values.length / rows;
  const largest = new Uint8Array(values.length);
  for (let row = 0; row < rows; row++) {
    const error = Array.from({ length: cols }, (_, k) => Math.abs(values[row * cols + k]! - rounded[row * cols + k]!));
    const worst = error.map((_, k) => k).sort((x, y) => error[y]! - error[x]! || x - y);
    for (const k of worst.slice(0, count)) largest[row * cols + k] = 1;
  }
  return largest;
}
