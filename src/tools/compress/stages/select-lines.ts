/** Selects rows and columns of a tensor, in a given order. Pruning is made of this. */
import type { PackedTensor } from "../../../core/format/pack.ts";
import { decodeTensor } from "../../../core/model/decode.ts";

/** Stands for a row or column of zeros. */
export const ZEROS = -1;

/** All of `count` lines. */
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** The tensor of these rows and columns, as f32. */
export function selectLines(
  tensor: PackedTensor,
  rows: readonly number[] | "all",
  cols: readonly number[] | "all",
): PackedTensor {
  const values = decodeTensor(tensor, tensor.bytes);
  const fromRows = rows === "all" ? upTo(tensor.rows) : rows;
  const fromCols = cols === "all" ? upTo(tensor.cols) : cols;
  const out = new Float32Array(fromRows.length * fromCols.length);
  for (const [r, row] of fromRows.entries()) {
    if (row === ZEROS) continue;
    for (let c = 0; c < fromCols.length; c++) {
      const col = fromCols[c]!;
      if (col !== ZEROS) out[r * fromCols.length + c] = values[row * tensor.cols + col]!;
    }
  }
  return { format: "f32", rows: fromRows.length, cols: fromCols.length, bytes: new Uint8Array(out.buffer) };
}
