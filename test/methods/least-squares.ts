/** What the solvers are compared by: the error of a layer's outputs, and plain elimination. */

/** tr((a − b) H (a − b)ᵀ), rows of `a` and `b` as long as H. */
export function outputError(a: Float32Array, b: Float32Array, hessian: Float64Array): number {
  const cols = Math.sqrt(hessian.length);
  let error = 0;
  for (let from = 0; from < a.length; from += cols) {
    for (let i = 0; i < cols; i++) {
      const change = a[from + i]! - b[from + i]!;
      for (let j = 0; j < cols; j++) error += change * hessian[i * cols + j]! * (a[from + j]! - b[from + j]!);
    }
  }
  return error;
}

/** x of m x = y, by Gauss-Jordan. */
export function solveLinear(m: readonly (readonly number[])[], y: readonly number[]): number[] {
  const lines = m.map((line, n) => [...line, y[n]!]);
  for (let k = 0; k < lines.length; k++) {
    const pivot = lines[k]!.map((value) => value / lines[k]![k]!);
    lines[k] = pivot;
    for (let n = 0; n < lines.length; n++) {
      if (n !== k) lines[n] = lines[n]!.map((value, at) => value - lines[n]![k]! * pivot[at]!);
    }
  }
  return lines.map((line) => line.at(-1)!);
}
