/**
 * Values to q8 in one pass: the bytes that `roundedTensor` gives, a fifteenth of its time. Importing a model rounds
 * every weight of it.
 */
import { OutriderError } from "../../../core/model/errors.ts";
import { f16ToNumber, numberToF16 } from "../../../core/model/f16.ts";
import { BLOCK_ROWS, TILE_COLS } from "../../../core/model/formats/format.ts";
import { Q8 } from "../../../core/model/formats/q8.ts";
import { tensorBytes } from "../../../core/model/layouts.ts";

/** @param firstRow number of the first row, for the error: `bad_weights` where a scale is no finite f16 */
export function q8Tiles(values: Float32Array, rows: number, cols: number, firstRow = 0): Uint8Array {
  const out = new Uint8Array(tensorBytes({ format: "q8", rows, cols }));
  const view = new DataView(out.buffer);
  const groups = cols / TILE_COLS;
  for (let row = 0; row < rows; row++) {
    const r = row % BLOCK_ROWS;
    const block = ((row - r) / BLOCK_ROWS) * groups * Q8.tileBytes;
    for (let group = 0; group < groups; group++) {
      const from = row * cols + group * TILE_COLS;
      const tile = block + group * Q8.tileBytes;
      let largest = 0;
      for (let k = from; k < from + TILE_COLS; k++) largest = Math.max(largest, Math.abs(values[k]!));
      const scale = numberToF16(largest / 127);
      if ((scale & 0x7c00) === 0x7c00) {
        throw new OutriderError(
          "bad_weights",
          `row ${firstRow + row}, columns ${group * TILE_COLS}…: a scale of ${largest / 127} does not fit a f16`,
        );
      }
      const sum = writeCodes(values, from, f16ToNumber(scale), out, tile + 4 * r);
      view.setUint16(tile + Q8.d + 2 * r, scale, true);
      view.setInt16(tile + Q8.sums + 2 * r, sum, true);
    }
  }
  return out;
}

/** Codes of 32 columns to their places in a tile; their sum. */
function writeCodes(values: Float32Array, from: number, d: number, out: Uint8Array, to: number): number {
  if (d === 0) return 0;
  let sum = 0;
  for (let k = 0; k < TILE_COLS; k++) {
    const code = Math.max(-127, Math.min(127, Math.round(values[from + k]! / d)));
    out[to + (k >> 2) * 64 + (k & 3)] = code;
    sum += code;
  }
  return sum;
}
