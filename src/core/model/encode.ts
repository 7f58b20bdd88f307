/** From the parts of quantised weights to the bytes of a tensor (layouts.ts, formats/). */
import { OutriderError } from "./errors.ts";
import { BLOCK_ROWS } from "./formats/format.ts";
import { badWeights, type Parts } from "./formats/parts.ts";
import { type BlockFormat, FORMATS } from "./formats.ts";
import { blockParts, denseBytes, type TensorLayout } from "./layouts.ts";

/**
 * The bytes of a tensor of any block format, without outliers. Padding rows and columns are zero bytes. Throws
 * `invalid_shape` when a part does not have the number of values that the layout needs, `bad_weights` naming row and
 * column when a value is out of its range.
 */
export function encodeTensor(layout: TensorLayout, parts: Parts): Uint8Array {
  const { format, rows, cols } = layout;
  const { codes: place, writeRow } = FORMATS[format as BlockFormat];
  const at = blockParts(layout);
  const out = new Uint8Array(denseBytes(layout));
  const view = new DataView(out.buffer);
  const take = (name: keyof Parts, count: number): ArrayLike<number> => counted(parts[name], name, count, layout);
  const codes = take("codes", rows * cols);
  for (let row = 0; row < rows; row++) {
    const tiles = Math.floor(row / BLOCK_ROWS) * at.bytes;
    const r = row % BLOCK_ROWS;
    for (let k = 0; k < cols; k++) {
      const code = codes[row * cols + k]!;
      if (!Number.isInteger(code) || code < place.least || code > place.most) {
        throw badWeights(`row ${row}, column ${k}: code ${code}; ${format} has ${place.least} … ${place.most}`);
      }
      place.write(out, tiles, r, k, cols, code);
    }
    writeRow({ view, tiles, codebook: tiles + at.codebook, r, cols }, { row, rows, take });
  }
  return out;
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
