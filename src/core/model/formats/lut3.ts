/**
 * lut3: codes of three bits into a codebook of eight entries for each row.
 *
 *   lut3  48 bytes for 2 rows × 64 columns   value = a[row] · codebook[row][code] + b[row], code of 3 bits
 *         0    row 0    byte j: bits 0 … 2 column j, bits 3 … 5 column 16 + j, bits 6 and 7 the low bits of column
 *                       48 + j
 *         16   row 1
 *         32   both     byte j: bits 0 … 2 column 32 + j of row 0, bits 3 … 5 of row 1, bit 6 the high bit of column
 *                       48 + j of row 0, bit 7 of row 1
 *         tiles: all of rows 0 and 1 along the columns, then of 2 and 3, …
 *         codebook of a block: 16 rows × 8 bytes, then a and b (row-codebooks.ts)
 */
import type { Codes, Format } from "./format.ts";
import { codebookBytes, codebookShares, codebookValues, type RowCodebooks, writeCodebook } from "./row-codebooks.ts";

export const LUT3: RowCodebooks = { pairBytes: 48, entries: 8 };

/** Byte j of the bytes that both rows of a pair share. */
const SHARED = 32;

/** Byte of a column, and of those 16, 32 and 48 after it, in the first row of a pair. */
const pairOf = (r: number, k: number, cols: number): number =>
  ((r >> 1) * (cols / 64) + (k >> 6)) * LUT3.pairBytes + (k & 15);

const codes: Codes = {
  least: 0,
  most: 7,
  read(bytes, at, r, k, cols) {
    const pair = at + pairOf(r, k, cols);
    const own = bytes[pair + 16 * (r & 1)]!;
    const both = bytes[pair + SHARED]!;
    const quarter = (k & 63) >> 4;
    if (quarter < 2) return (own >> (3 * quarter)) & 7;
    return quarter === 2 ? (both >> (3 * (r & 1))) & 7 : (own >> 6) | (((both >> (6 + (r & 1))) & 1) << 2);
  },
  write(bytes, at, r, k, cols, code) {
    const pair = at + pairOf(r, k, cols);
    const own = pair + 16 * (r & 1);
    const quarter = (k & 63) >> 4;
    if (quarter < 2) bytes[own]! |= code << (3 * quarter);
    else if (quarter === 2) bytes[pair + SHARED]! |= code << (3 * (r & 1));
    else {
      bytes[own]! |= (code & 3) << 6;
      bytes[pair + SHARED]! |= (code >> 2) << (6 + (r & 1));
    }
  },
};

export const lut3: Format = {
  unit: 64,
  unitBytes: 8 * LUT3.pairBytes,
  codebookBytes: codebookBytes(LUT3),
  sharedBytes: 0,
  maxCols: 16384,
  codes,
  writeRow: (to, parts) => writeCodebook(to, parts, LUT3),
  valuesOf: (row) => codebookValues(row, LUT3),
  rowShares: (_cols, codebook) => codebookShares(codebook, LUT3),
};
