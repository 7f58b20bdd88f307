/**
 * q3had: codes of three bits for eight even steps, in the basis of rotation.ts, and a scale for each row. There weights
 * are distributed normally, in whatever matrix, and the steps lose hardly more of them than a codebook of a row's own
 * (docs/record/log.md). Its matmul looks products up in tables of the rotated activation, as that of q2had does.
 *
 *   q3had 48 bytes for 16 rows × 8 columns   value = scale[row] · (code − 3.5), code of 3 bits
 *         0    the upper two bits of columns 0 … 3, as a code of q2had lies
 *         16   those of columns 4 … 7
 *         32   the lowest bits: byte 2i row i, byte 2i + 1 row 8 + i; bit j of it is of column j
 *         codebook of a block: 16 × f32 scale
 *
 * Its matmul reads 14 bits of every activation: eight would take as long.
 */
import type { Codes, Format } from "./format.ts";
import { finite } from "./parts.ts";
import { Q2HAD } from "./q2had.ts";
import { ROTATED_COLS, rotate } from "./rotation.ts";
import { tableBytes } from "./table-bytes.ts";

/** Bytes of a block's eight columns, and those of them before the lowest bits. */
export const Q3HAD = { columnsBytes: 48, lowest: 32 } as const;

/** What the codes stand for, before a row's scale. */
export const STEPS = [-3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5] as const;

const firstByte = (r: number, k: number): number => (k >> 3) * Q3HAD.columnsBytes + 2 * (r & 7) + (r >> 3);
const upperByte = (r: number, k: number): number => firstByte(r, k) + ((k >> 2) & 1) * Q2HAD.columnsBytes;

const codes: Codes = {
  least: 0,
  most: 7,
  read(bytes, at, r, k) {
    const upper = (bytes[at + upperByte(r, k)]! >> (2 * (k & 3))) & 3;
    const lowest = (bytes[at + firstByte(r, k) + Q3HAD.lowest]! >> (k & 7)) & 1;
    return (upper << 1) | lowest;
  },
  write(bytes, at, r, k, _cols, code) {
    bytes[at + upperByte(r, k)]! |= (code >> 1) << (2 * (k & 3));
    bytes[at + firstByte(r, k) + Q3HAD.lowest]! |= (code & 1) << (k & 7);
  },
};

export const q3had: Format = {
  unit: ROTATED_COLS,
  unitBytes: (ROTATED_COLS / 8) * Q3HAD.columnsBytes,
  codebookBytes: 4 * 16,
  sharedBytes: 0,
  maxCols: Number.POSITIVE_INFINITY,
  activationBits: 14,
  // 16 bytes of entries for each two columns, and for each four.
  tableBytes: tableBytes(ROTATED_COLS, 12),
  codes,
  rotate,
  writeRow({ view, codebook, r }, { row, rows, take }) {
    view.setFloat32(codebook + 4 * r, finite(take("scales", rows)[row]!, "scale", row), true);
  },
  valuesOf({ view, codebook, r }) {
    const scale = view.getFloat32(codebook + 4 * r, true);
    return (code) => Math.fround(scale * STEPS[code]!);
  },
  rowShares: (_cols, codebook) => [{ at: codebook, bytes: 4 }],
};
