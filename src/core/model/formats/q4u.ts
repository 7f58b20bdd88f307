/**
 * q4u: uniform four bits, a scale and a minimum for each row and group of 32 columns. GGUF's Q4_0 and Q4_1 map onto it
 * without touching a value (Q4_0 has m = −8·d, exact in f16).
 *
 * A tile is all of a block's rows × 32 columns; tiles follow each other along the columns. With r a row and k a column
 * of the tile:
 *
 *   q4u   320 bytes   value = nibble · d[r] + m[r]
 *         0    nibbles  byte (k >> 3) · 64 + r · 4 + (k & 3); low half for (k & 7) < 4, high half for the rest
 *         256  d        16 × f16
 *         288  m        16 × f16
 *
 * So one 32-bit lane of a 128-bit load holds four neighbouring columns of one row: the shape of
 * `i32x4.relaxed_dot_i8x16_i7x16_add_s`.
 */
import { codesInOneByte, type Format, TILE_COLS } from "./format.ts";
import { readHalf, tileShares, writeHalves } from "./group-scales.ts";

/** Bytes of a tile, and the bytes at which its scales and minima start. */
export const Q4U = { tileBytes: 320, d: 256, m: 288 } as const;

const f32 = Math.fround;

export const q4u: Format = {
  unit: TILE_COLS,
  unitBytes: Q4U.tileBytes,
  codebookBytes: 0,
  sharedBytes: 0,
  maxCols: Number.POSITIVE_INFINITY,
  codes: codesInOneByte(
    4,
    (r, k) => (k >> 5) * Q4U.tileBytes + ((k & 31) >> 3) * 64 + r * 4 + (k & 3),
    (k) => k & 4,
  ),
  writeRow(to, parts) {
    writeHalves(to, parts, "d", Q4U.tileBytes, Q4U.d);
    writeHalves(to, parts, "m", Q4U.tileBytes, Q4U.m);
  },
  valuesOf(row) {
    const d = readHalf(row, Q4U.tileBytes, Q4U.d);
    const m = readHalf(row, Q4U.tileBytes, Q4U.m);
    return (code, k) => f32(f32(code * d(k)) + m(k));
  },
  rowShares: (cols) => tileShares(cols, Q4U.tileBytes, [Q4U.d, Q4U.m]),
};
