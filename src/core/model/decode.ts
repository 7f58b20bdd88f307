/** From the bytes of a tensor to the values that they stand for (layouts.ts, formats/). */
import { OutriderError } from "./errors.ts";
import { BLOCK_ROWS, type Format } from "./formats/format.ts";
import { FORMATS } from "./formats.ts";
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
  const { codes, valuesOf, rotate }: Format = FORMATS[format];
  const parts = blockParts(layout);
  for (let row = 0; row < rows; row++) {
    const tiles = Math.floor(row / BLOCK_ROWS) * parts.bytes;
    const r = row % BLOCK_ROWS;
    const value = valuesOf({ view, tiles, codebook: tiles + parts.codebook, r, cols });
    for (let k = 0; k < cols; k++) out[row * cols + k] = value(codes.read(bytes, tiles, r, k, cols), k);
    rotate?.(out.subarray(row * cols, (row + 1) * cols));
  }
  if (outliers) {
    eachOutlier(bytes.subarray(denseBytes(layout)), rows, (row, column, value) => {
      out[row * cols + column]! += value;
    });
  }
  return out;
}
