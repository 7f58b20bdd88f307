/**
 * Tensors of what layer solvers give: floats as they are, values on a uniform grid in a format that holds it, and
 * values rounded to a format.
 */
import type { PackedTensor } from "../format/pack.ts";
import type { Grid } from "../methods/grid.ts";
import { gridFormat, gridParts } from "../methods/grid-parts.ts";
import { roundRows } from "../methods/round.ts";
import { keptColumnsByNorm, takeColumns } from "../methods/vector-sparsity.ts";
import { encodeTensor } from "../model/encode.ts";
import type { BlockFormat } from "../model/formats.ts";
import type { TensorLayout } from "../model/layouts.ts";

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

/**
 * `values` (rows, cols) rounded to a layout without outliers; codebooks count each error by its sensitivity, if there
 * are any. Where blocks keep some columns only, those of the largest norm.
 */
export function roundedTensor(layout: TensorLayout, values: Float32Array, sensitivities?: Float32Array): PackedTensor {
  const { format, rows, cols, keep = 16 } = layout;
  if (keep === 16) {
    return { ...layout, bytes: encodeTensor(layout, roundRows(format as BlockFormat, values, rows, sensitivities)) };
  }
  const kept = keptColumnsByNorm(values, rows, cols, keep);
  const [dense, own] = [values, sensitivities].map((all) => all && takeColumns(all, rows, cols, kept, keep));
  return { ...layout, bytes: encodeTensor(layout, { ...roundRows(format as BlockFormat, dense!, rows, own), kept }) };
}
