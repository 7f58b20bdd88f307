/**
 * q8: eight bits, a scale for each row and group of 32 columns. GGUF's Q8_0 maps onto it without touching a value.
 *
 * A tile is all of a block's rows × 32 columns; tiles follow each other along the columns. With r a row and k a column
 * of the tile:
 *
 *   q8    576 bytes   value = byte · d[r]
 *         0    int8     byte (k >> 2) · 64 + r · 4 + (k & 3)
 *         512  d        16 × f16
 *         544  Σ byte   16 × int16, over the tile's columns
 *
 * Its matmul reads 14 bits of every activation: eight would take as long (wasm/matmul/q8.ts).
 */
import { type Codes, type Format, TILE_COLS } from "./format.ts";
import { readHalf, tileShares, writeHalves } from "./group-scales.ts";

/** Bytes of a tile, and the bytes at which its scales and the sums of its rows start. */
export const Q8 = { tileBytes: 576, d: 512, sums: 544 } as const;

const byteOf = (r: number, k: number): number => (k >> 5) * Q8.tileBytes + ((k & 31) >> 2) * 64 + r * 4 + (k & 3);

const codes: Codes = {
  least: -128,
  most: 127,
  read: (bytes, at, r, k) => (bytes[at + byteOf(r, k)]! << 24) >> 24,
  write(bytes, at, r, k, _cols, code) {
    bytes[at + byteOf(r, k)] = code;
  },
};

export const q8: Format = {
  unit: TILE_COLS,
  unitBytes: Q8.tileBytes,
  codebookBytes: 0,
  sharedBytes: 0,
  maxCols: Number.POSITIVE_INFINITY,
  activationBits: 14,
  codes,
  writeRow(to, parts) {
    writeHalves(to, parts, "d", Q8.tileBytes, Q8.d);
    const { view, tiles, r, cols } = to;
    const bytes = new Uint8Array(view.buffer, view.byteOffset);
    for (let group = 0; group < cols / TILE_COLS; group++) {
      let sum = 0;
      for (let k = TILE_COLS * group; k < TILE_COLS * (group + 1); k++) sum += codes.read(bytes, tiles, r, k, cols);
      view.setInt16(tiles + group * Q8.tileBytes + Q8.sums + 2 * r, sum, true);
    }
  },
  valuesOf(row) {
    const d = readHalf(row, Q8.tileBytes, Q8.d);
    return (code, k) => Math.fround(code * d(k));
  },
  rowShares: (cols) => tileShares(cols, Q8.tileBytes, [Q8.d, Q8.sums]),
};
