/**
 * C −= A·B over parts of row-major f64 matrices: where nearly all arithmetic of the layer solvers is, factorising and
 * updating alike.
 */

/** A part of a matrix: element (i, j) is values[at + i · row + j · col]. */
export interface Part {
  readonly values: Float64Array;
  readonly at: number;
  readonly row: number;
  readonly col: number;
}

/** C (rows, cols) −= A (rows, inner) · B (inner, cols); `col` of B and C is 1. */
export function subtractProduct(c: Part, a: Part, b: Part, rows: number, cols: number, inner: number): void {
  const [wholeRows, wholeCols] = [rows - (rows % 4), cols - (cols % 4)];
  for (let i = 0; i < wholeRows; i += 4) {
    for (let j = 0; j < wholeCols; j += 4) subtractTile(c, a, b, i, j, inner);
    for (let j = wholeCols; j < cols; j++) for (let r = i; r < i + 4; r++) subtractOne(c, a, b, r, j, inner);
  }
  for (let i = wholeRows; i < rows; i++) for (let j = 0; j < cols; j++) subtractOne(c, a, b, i, j, inner);
}

/** Sixteen sums, so that each number that is read is multiplied four times. */
function subtractTile(c: Part, a: Part, b: Part, i: number, j: number, inner: number): void {
  const [x, y, out] = [a.values, b.values, c.values];
  const [step, next, row] = [a.row, a.col, b.row];
  let [s00, s01, s02, s03, s10, s11, s12, s13] = [0, 0, 0, 0, 0, 0, 0, 0];
  let [s20, s21, s22, s23, s30, s31, s32, s33] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let n = 0, p = a.at + i * step, q = b.at + j; n < inner; n++, p += next, q += row) {
    const [y0, y1, y2, y3] = [y[q]!, y[q + 1]!, y[q + 2]!, y[q + 3]!];
    let w = x[p]!;
    s00 += w * y0;
    s01 += w * y1;
    s02 += w * y2;
    s03 += w * y3;
    w = x[p + step]!;
    s10 += w * y0;
    s11 += w * y1;
    s12 += w * y2;
    s13 += w * y3;
    w = x[p + 2 * step]!;
    s20 += w * y0;
    s21 += w * y1;
    s22 += w * y2;
    s23 += w * y3;
    w = x[p + 3 * step]!;
    s30 += w * y0;
    s31 += w * y1;
    s32 += w * y2;
    s33 += w * y3;
  }
  const sums = [s00, s01, s02, s03, s10, s11, s12, s13, s20, s21, s22, s23, s30, s31, s32, s33];
  for (let n = 0; n < 16; n++) out[c.at + (i + (n >> 2)) * c.row + j + (n & 3)]! -= sums[n]!;
}

function subtractOne(c: Part, a: Part, b: Part, i: number, j: number, inner: number): void {
  let sum = 0;
  for (let n = 0; n < inner; n++) sum += a.values[a.at + i * a.row + n * a.col]! * b.values[b.at + n * b.row + j]!;
  c.values[c.at + i * c.row + j]! -= sum;
}
