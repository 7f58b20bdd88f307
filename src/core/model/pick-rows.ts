/** Rows of a matrix as a matrix of their own, each with every bit that it had. */
import { OutriderError } from "./errors.ts";
import { BLOCK_ROWS } from "./formats/format.ts";
import { FORMATS } from "./formats.ts";
import { blockParts, type TensorLayout, tensorBytes } from "./layouts.ts";

/**
 * The bytes of `picked` rows, in that order, of a tensor without outliers; layout as before but for their number.
 * Throws `invalid_shape` for one with outliers.
 */
export function pickRows(layout: TensorLayout, bytes: Uint8Array, picked: readonly number[]): Uint8Array {
  const { format, cols, outliers } = layout;
  if (outliers) {
    throw new OutriderError(
      "invalid_shape",
      "a matrix with outliers has no single rows; pick them before it gets some",
    );
  }
  const out = new Uint8Array(tensorBytes({ ...layout, rows: picked.length }));
  if (format === "f32") {
    for (const [n, row] of picked.entries()) {
      out.set(bytes.subarray(row * cols * 4, (row + 1) * cols * 4), n * cols * 4);
    }
    return out;
  }
  const { codes, sharedBytes, rowShares } = FORMATS[format];
  const parts = blockParts(layout);
  const shares = rowShares(cols, parts.codebook);
  for (const [n, row] of picked.entries()) {
    const from = blockOf(row, parts.bytes);
    const to = blockOf(n, parts.bytes);
    if (to.r === 0) {
      const shared = from.first + parts.codebook;
      out.set(bytes.subarray(shared, shared + sharedBytes), to.first + parts.codebook);
    }
    for (let k = 0; k < cols; k++) {
      codes.write(out, to.first, to.r, k, cols, codes.read(bytes, from.first, from.r, k, cols));
    }
    for (const { at, bytes: size } of shares) {
      const start = from.first + at + from.r * size;
      out.set(bytes.subarray(start, start + size), to.first + at + to.r * size);
    }
  }
  return out;
}

/** First byte of a row's block, and the row's index in the block. */
const blockOf = (row: number, blockBytes: number): { first: number; r: number } => ({
  first: Math.floor(row / BLOCK_ROWS) * blockBytes,
  r: row % BLOCK_ROWS,
});
