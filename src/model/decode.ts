/** From the bytes of a tensor to the values that they stand for (drawn in layouts.ts). */
import { CODES } from "./codes.ts";
import { OutriderError } from "./errors.ts";
import { f16ToNumber } from "./f16.ts";
import {
  BLOCK_ROWS,
  type BlockFormat,
  blockParts,
  denseBytes,
  keptColumns,
  type TensorLayout,
  TILE_BYTES,
  tensorBytes,
  WINDOW,
} from "./layouts.ts";
import { eachOutlier } from "./outlier-table.ts";

const f32 = Math.fround;

/** A row of a block: where its block's tiles and codebook start, and how many columns the tiles hold. */
interface Row {
  readonly view: DataView;
  readonly tiles: number;
  readonly codebook: number;
  readonly r: number;
  readonly kept: number;
}

/** The value of a code in column k of the row. */
const VALUE: { readonly [F in BlockFormat]: (row: Row) => (code: number, k: number) => number } = {
  q4u(row) {
    const half = halves(row, TILE_BYTES.q4u);
    return (code, k) => f32(f32(code * half(k, 256)) + half(k, 288));
  },
  q8(row) {
    const half = halves(row, TILE_BYTES.q8);
    return (code, k) => f32(code * half(k, 512));
  },
  lut4: (row) => lutValue(row, 16),
  lut3: (row) => lutValue(row, 8),
  q2lut({ view, codebook, r }) {
    const scale = view.getFloat32(codebook + 16 + 4 * r, true);
    return (code) => f32(scale * view.getFloat32(codebook + 4 * code, true));
  },
};

const halves =
  ({ view, tiles, r }: Row, tileBytes: number) =>
  (k: number, at: number): number =>
    f16ToNumber(view.getUint16(tiles + (k >> 5) * tileBytes + at + 2 * r, true));

function lutValue({ view, codebook, r }: Row, entries: number): (code: number) => number {
  const line = codebook + BLOCK_ROWS * entries + 4 * r;
  const [a, b] = [view.getFloat32(line, true), view.getFloat32(line + 64, true)];
  return (code) => f32(f32(a * view.getUint8(codebook + r * entries + code)) + b);
}

/**
 * The (rows, cols) f32 values that the bytes of a tensor stand for: zeros where a block keeps no column, outliers added,
 * padding left out. Throws `invalid_shape` when bytes and layout disagree.
 */
export function decodeTensor(layout: TensorLayout, bytes: Uint8Array): Float32Array {
  const { format, rows, cols, keep = 16, outliers } = layout;
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
  const kept = keptColumns(layout);
  const own = (cols / WINDOW) * keep;
  for (let row = 0; row < rows; row++) {
    const block = Math.floor(row / BLOCK_ROWS) * parts.bytes;
    const r = row % BLOCK_ROWS;
    const tiles = block + parts.tiles;
    const value = VALUE[format]({ view, tiles, codebook: block + parts.codebook, r, kept });
    for (let k = 0; k < own; k++) {
      const column = keep === 16 ? k : Math.floor(k / keep) * WINDOW + bytes[block + k]!;
      out[row * cols + column] = value(CODES[format].read(bytes, tiles, r, k, kept), k);
    }
  }
  if (outliers) {
    eachOutlier(bytes.subarray(denseBytes(layout)), rows, (row, column, value) => {
      out[row * cols + column]! += value;
    });
  }
  return out;
}
