/**
 * q2lut: codes of two bits. All rows share four levels, and each row has a scale. Its matmul looks products up in
 * tables of the activation, after T-MAC (Wei et al. 2024, arXiv 2407.00088, §3).
 *
 *   q2lut 16 bytes for 16 rows × 4 columns   value = scale[row] · level[code], code of 2 bits
 *         byte 2i: row i, byte 2i + 1: row 8 + i; columns k, k + 1 in the low half (code k | code k+1 << 2),
 *         columns k + 2, k + 3 in the high half
 *         codebook of a block: 4 × f32 level, then 16 × f32 scale; where levels change, tables are made anew
 *
 * Its matmul reads 14 bits of every activation: eight would take as long.
 */
import { codesInOneByte, type Format } from "./format.ts";
import { finite } from "./parts.ts";
import { tableBytes } from "./table-bytes.ts";

/** Bytes of a block's four columns, and the bytes of its codebook at which levels and scales start. */
export const Q2LUT = { columnsBytes: 16, levels: 0, scales: 16 } as const;

const LEVELS = 4;

export const q2lut: Format = {
  unit: 32,
  unitBytes: 8 * Q2LUT.columnsBytes,
  codebookBytes: Q2LUT.scales + 4 * 16,
  sharedBytes: Q2LUT.scales,
  maxCols: Number.POSITIVE_INFINITY,
  sparse: false,
  activationBits: 14,
  // 16 bytes of entries for each two columns.
  tableBytes: tableBytes(32, 8),
  codes: codesInOneByte(
    2,
    (r, k) => (k >> 2) * Q2LUT.columnsBytes + 2 * (r & 7) + (r >> 3),
    (k) => 2 * (k & 3),
  ),
  writeRow({ view, codebook, r }, { row, rows, take }) {
    const levels = take("levels", LEVELS);
    for (let i = 0; i < LEVELS; i++) {
      view.setFloat32(codebook + Q2LUT.levels + 4 * i, finite(levels[i]!, "level", row), true);
    }
    const scale = finite(take("scales", rows)[row]!, "scale", row);
    view.setFloat32(codebook + Q2LUT.scales + 4 * r, scale, true);
  },
  valuesOf({ view, codebook, r }) {
    const scale = view.getFloat32(codebook + Q2LUT.scales + 4 * r, true);
    return (code) => Math.fround(scale * view.getFloat32(codebook + Q2LUT.levels + 4 * code, true));
  },
  rowShares: (_cols, codebook) => [{ at: codebook + Q2LUT.scales, bytes: 4 }],
};
