/**
 * Weights on uniform grids as the parts of a weight format. A grid per row becomes evenly spaced entries of the row's
 * codebook, exact to f32. Groups of 32 columns become q4u, whose scales are f16: values are off by at most 2⁻⁶ of a
 * step.
 */

import { OutriderError } from "../../../core/model/errors.ts";
import { TILE_COLS } from "../../../core/model/formats/format.ts";
import { MOST_ENTRY, type Parts } from "../../../core/model/formats/parts.ts";
import { codeOf, type Grid } from "./grid.ts";

/** The format that holds rows of `cols` weights on `grid`. Throws `bad_recipe` where none does. */
export function gridFormat({ most, group }: Grid, cols: number): "lut4" | "lut3" | "q4u" {
  if (group === cols && (most === 15 || most === 7)) return most === 15 ? "lut4" : "lut3";
  if (group === TILE_COLS && most <= 15) return "q4u";
  throw new OutriderError(
    "bad_recipe",
    `no weight format has ${most + 1} uniform levels for ${group} columns; ` +
      "round to 3 or 4 bits a row, or to 4 bits for 32 columns",
  );
}

/** The parts of `weights` (rows, cols), all on `grid`, in `gridFormat`. */
export function gridParts(weights: Float32Array, rows: number, grid: Grid): Parts {
  const cols = weights.length / rows;
  const { most, group, scales, zeros } = grid;
  const groups = Math.ceil(cols / group);
  const codes = new Uint8Array(weights.length);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < cols; k++) {
      codes[row * cols + k] = codeOf(grid, row * groups + Math.floor(k / group), weights[row * cols + k]!);
    }
  }
  const lowest = Float32Array.from(scales, (scale, at) => -scale * zeros[at]!);
  if (gridFormat(grid, cols) === "q4u") return { codes, d: Float32Array.from(scales), m: lowest };
  const step = Math.floor(MOST_ENTRY / most);
  const codebooks = Uint8Array.from({ length: rows * (most + 1) }, (_, at) => step * (at % (most + 1)));
  return { codes, codebooks, a: Float32Array.from(scales, (scale) => scale / step), b: lowest };
}
