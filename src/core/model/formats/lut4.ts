/**
 * lut4: codes of four bits into a codebook of 16 entries for each row.
 *
 *   lut4  64 bytes for 2 rows × 64 columns   value = a[row] · codebook[row][nibble] + b[row]
 *         0    row 0    byte j of the first 16: column j low, column 16 + j high;
 *                       byte j of the next 16: column 32 + j low, column 48 + j high
 *         32   row 1
 *         tiles: all of rows 0 and 1 along the columns, then of 2 and 3, …
 *         codebook of a block: 16 rows × 16 bytes, then a and b (row-codebooks.ts)
 */
import { codesInOneByte, type Format } from "./format.ts";
import { codebookBytes, codebookShares, codebookValues, type RowCodebooks, writeCodebook } from "./row-codebooks.ts";

export const LUT4: RowCodebooks = { pairBytes: 64, entries: 16 };

export const lut4: Format = {
  unit: 64,
  unitBytes: 8 * LUT4.pairBytes,
  codebookBytes: codebookBytes(LUT4),
  sharedBytes: 0,
  maxCols: 16384,
  codes: codesInOneByte(
    4,
    (r, k, cols) =>
      ((r >> 1) * (cols / 64) + (k >> 6)) * LUT4.pairBytes + 32 * (r & 1) + 16 * ((k & 63) >> 5) + (k & 15),
    (k) => (k & 16) >> 2,
  ),
  writeRow: (to, parts) => writeCodebook(to, parts, LUT4),
  valuesOf: (row) => codebookValues(row, LUT4),
  rowShares: (_cols, codebook) => codebookShares(codebook, LUT4),
};
