/** From the bytes of a tensor to the values that they stand for (layouts.ts, formats/). */
import { OutriderError } from "./errors.ts";
import { BLOCK_ROWS, type BlockRow, type Format } from "./formats/format.ts";
import { type BlockFormat, FORMATS } from "./formats.ts";
import { blockParts, denseBytes, type TensorLayout, tensorBytes } from "./layouts.ts";
import { eachOutlier } from "./outlier-table.ts";

/**
 * The (rows, cols) f32 values that the bytes of a tensor stand for: outliers added, padding left out. Throws `invalid_shape` when bytes and layout disagree.
 */
export function decodeTensor(layout: TensorLayout, bytes: Uint8Array): Float32Array {
  const { format, rows, cols, outliers } = layout;
  const expected = tensorBytes(layout);
  if (bytes.length !== expected) {
    throw new OutriderError(
      "invalid_shape",
      `${rows} × ${cols} in ${format} are ${expected} bytes, got ${bytes.length}`,
    );
  }
  const out = new Float32Array(rows * cols);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (format === "f32") {
    for (let n = 0; n < out.length; n++) out[n] = view.getFloat32(4 * n, true);
    return out;
  }
  const parts = blockParts(layout);
  for (let row = 0; row < rows; row++) {
    const tiles = Math.floor(row / BLOCK_ROWS) * parts.bytes;
    const at = { view, tiles, codebook: tiles + parts.codebook, r: row % BLOCK_ROWS, cols };
    decodeRow(format, at, out.subarray(row * cols, (row + 1) * cols));
  }
  if (outliers) {
    eachOutlier(bytes.subarray(denseBytes(layout)), rows, (row, column, value) => {
      out[row * cols + column]! += value;
    });
  }
  return out;
}

/** The f32 values of one row of a block, without outliers, into `out` (cols). */
export function decodeRow(format: BlockFormat, row: BlockRow, out: Float32Array): void {
  const { codes, valuesOf, rotate }: Format = FORMATS[format];
  const { view, tiles, r, cols } = row;
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const value = valuesOf(row);
  for (let k = 0; k < cols; k++) out[k] = value(codes.read(bytes, tiles, r, k, cols), k);
  rotate?.(out);
}
