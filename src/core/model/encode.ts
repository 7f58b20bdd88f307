/** From the parts of quantised weights to the bytes of a tensor (layouts.ts, formats/). */
import { OutriderError } from "./errors.ts";
import { BLOCK_ROWS } from "./formats/format.ts";
import { badWeights, type Parts } from "./formats/parts.ts";
import { type BlockFormat, FORMATS } from "./formats.ts";
import { blockParts, denseBytes, keptColumns, paddedRows, type TensorLayout, WINDOW } from "./layouts.ts";

/**
 * The bytes of a tensor of any block format, without outliers. Padding rows and columns are zero bytes. Throws
 * `invalid_shape` when a part does not have the number of values that the layout needs, `bad_weights` naming row and
 * column when a value is out of its range.
 */
export function encodeTensor(layout: TensorLayout, parts: Parts): Uint8Array {
  const { format, rows, cols, keep = 16 } = layout;
  const { codes: place, writeRow } = FORMATS[format as BlockFormat];
  const at = blockParts(layout);
  const out = new Uint8Array(denseBytes(layout));
  const view = new DataView(out.buffer);
  const blocks = paddedRows(rows) / BLOCK_ROWS;
  const take = (name: keyof Parts, count: number): ArrayLike<number> => counted(parts[name], name, count, layout);

  if (keep !== 16) {
    const kept = take("kept", (blocks * cols * keep) / WINDOW);
    for (let block = 0; block < blocks; block++) writeKept(out, block * at.bytes, kept, block, cols, keep);
  }
  const own = (cols / WINDOW) * keep;
  const kept = keptColumns(layout);
  const codes = take("codes", rows * own);
  for (let row = 0; row < rows; row++) {
    const block = Math.floor(row / BLOCK_ROWS) * at.bytes;
    const r = row % BLOCK_ROWS;
    const tiles = block + at.tiles;
    for (let k = 0; k < own; k++) {
      const code = codes[row * own + k]!;
      if (!Number.isInteger(code) || code < place.least || code > place.most) {
        throw badWeights(`row ${row}, kept column ${k}: code ${code}; ${format} has ${place.least} … ${place.most}`);
      }
      place.write(out, tiles, r, k, kept, code);
    }
    writeRow({ view, tiles, codebook: block + at.codebook, r, kept }, { row, rows, take });
  }
  return out;
}

function writeKept(
  out: Uint8Array,
  at: number,
  kept: ArrayLike<number>,
  block: number,
  cols: number,
  keep: number,
): void {
  const windows = cols / WINDOW;
  for (let window = 0; window < windows; window++) {
    let last = -1;
    for (let i = 0; i < keep; i++) {
      const index = kept[(block * windows + window) * keep + i]!;
      if (!Number.isInteger(index) || index <= last || index >= WINDOW) {
        throw badWeights(
          `block ${block}, columns ${window * WINDOW}…: index ${index} after ${last}; indices rise within 0 … 15`,
        );
      }
      out[at + window * keep + i] = index;
      last = index;
    }
  }
}

function counted(
  part: ArrayLike<number> | undefined,
  name: string,
  count: number,
  { format, rows, cols }: TensorLayout,
): ArrayLike<number> {
  if (part?.length === count) return part;
  const got = part ? part.length : "none";
  throw new OutriderError("invalid_shape", `${rows} × ${cols} of ${format} take ${count} ${name}, got ${got}`);
}
