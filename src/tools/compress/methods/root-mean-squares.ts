/** (rows): those of the rows of `values` (rows, cols). */
export function rootMeanSquares(values: Float32Array, rows: number, cols: number): Float32Array {
  return Float32Array.from({ length: rows }, (_, row) => {
    let squares = 0;
    for (let k = 0; k < cols; k++) squares += values[row * cols + k]! ** 2;
    return Math.sqrt(squares / cols);
  });
}
