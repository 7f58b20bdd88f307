/** Tensors of what layer solvers give: floats as they are, and values on a uniform grid in a format that holds it. */
import type { PackedTensor } from "../../format/pack.ts";
import { encodeTensor } from "../../model/encode.ts";
import { TILE_COLS } from "../../model/layouts.ts";
import { codeOf, type Grid } from "../methods/grid.ts";

/** (rows, cols) in f32: between stages only, for no kernel multiplies it. */
export const floatTensor = (values: Float32Array, rows: number, cols: number): PackedTensor => ({
  format: "f32",
  rows,
  cols,
  bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice(),
});

/**
 * `values` (rows, cols) that lie on `grid`. With a grid a row as codebooks of equal steps, lut3 or lut4, which hold it
 * exactly; with one for each 32 columns as q4u, whose scales and minima are f16.
 */
export function gridTensor(values: Float32Array, rows: number, cols: number, grid: Grid): PackedTensor {
  const { most, group, scales, zeros } = grid;
  const groups = Math.ceil(cols / group);
  const codes = Uint8Array.from(values, (value, at) =>
    codeOf(grid, Math.floor(at / cols) * groups + Math.floor((at % cols) / group), value),
  );
  if (group === TILE_COLS) {
    const layout = { format: "q4u", rows, cols } as const;
    const m = scales.map((scale, at) => -scale * zeros[at]!);
    return { ...layout, bytes: encodeTensor(layout, { codes, d: scales, m }) };
  }
  const layout = { format: most === 15 ? "lut4" : "lut3", rows, cols } as const;
  // The largest step between entries of six bits that all codes have room for.
  const step = Math.floor(63 / most);
  const codebooks = Uint8Array.from({ length: rows * (most + 1) }, (_, at) => step * (at % (most + 1)));
  const a = scales.map((scale) => scale / step);
  const b = scales.map((scale, row) => -scale * zeros[row]!);
  return { ...layout, bytes: encodeTensor(layout, { codes, codebooks, a, b }) };
}
