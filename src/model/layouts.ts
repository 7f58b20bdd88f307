/**
 * The weight formats of a pack: what lies on disk is what the kernels map, byte for byte.
 *
 * Matrices are cut into tiles of 16 rows × 32 columns. Tiles of one 16-row block follow each other along the
 * columns, blocks follow each other down the rows; rows are padded with zero weights to a multiple of 16.
 * Writing r for a row of the tile, k for a column of the tile, q = r >> 2 and i = r & 3:
 *
 *   q4u   320 bytes   value = nibble · d[r] + m[r]
 *         0    nibbles  byte (k >> 3) · 64 + q · 16 + i · 4 + (k & 3); low half for (k & 7) < 4, high half for the rest
 *         256  d        16 × f16, row r at 256 + 2r
 *         288  m        16 × f16, row r at 288 + 2r
 *
 *   q8    544 bytes   value = byte · d[r]
 *         0    int8     byte (k >> 2) · 64 + q · 16 + i · 4 + (k & 3)
 *         512  d        16 × f16, row r at 512 + 2r
 *
 *   f32   4 bytes a value, row by row, no tiles (norms)
 *
 * So that one 32-bit lane of a 128-bit load holds four neighbouring columns of one row: the shape of
 * `i32x4.relaxed_dot_i8x16_i7x16_add_s`, and of two 16-bit pairs for plain SIMD.
 * GGUF's Q4_0 and Q4_1 map onto q4u and Q8_0 onto q8 without touching a value (Q4_0 has m = −8·d, exact in f16).
 */
import { OutriderError } from "./errors.ts";

export type WeightFormat = "f32" | "q4u" | "q8";

export const TILE_ROWS = 16;
/** Columns of a tile, and of a quantisation group. */
export const TILE_COLS = 32;
export const TILE_BYTES = { q4u: 320, q8: 544 } as const;

export const paddedRows = (rows: number): number => Math.ceil(rows / TILE_ROWS) * TILE_ROWS;

/** Bytes of a (rows × cols) matrix in a format. Throws `invalid_shape` when a tiled format meets columns that are not a multiple of 32. */
export function tensorBytes(format: WeightFormat, rows: number, cols: number): number {
  if (format === "f32") return rows * cols * 4;
  if (cols % TILE_COLS !== 0) {
    throw new OutriderError("invalid_shape", `${format} needs columns in multiples of ${TILE_COLS}, got ${cols}`);
  }
  return (paddedRows(rows) / TILE_ROWS) * (cols / TILE_COLS) * TILE_BYTES[format];
}
