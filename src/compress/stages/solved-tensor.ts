/** Tensors of what layer solvers give: floats as they are, and values on a uniform grid in a format that holds it. */
import type { PackedTensor } from "../../format/pack.ts";
import { encodeTensor } from "../../model/encode.ts";
import type { Grid } from "../methods/grid.ts";
import { gridFormat, gridParts } from "../methods/grid-parts.ts";

/** (rows, cols) in f32: between stages only, for no kernel multiplies it. */
export const floatTensor = (values: Float32Array, rows: number, cols: number): PackedTensor => ({
  format: "f32",
  rows,
  cols,
  bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice(),
});

/** `values` (rows, cols), all on `grid`. */
export function gridTensor(values: Float32Array, rows: number, cols: number, grid: Grid): PackedTensor {
  const layout = { format: gridFormat(grid, cols), rows, cols } as const;
  return { ...layout, bytes: encodeTensor(layout, gridParts(values, rows, grid)) };
}
