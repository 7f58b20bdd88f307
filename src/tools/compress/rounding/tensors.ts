/** Tensors from numbers: floats as they are, and values rounded to a weight format. */
import type { PackedTensor } from "../../../core/format/pack.ts";
import { encodeTensor } from "../../../core/model/encode.ts";
import type { BlockFormat } from "../../../core/model/formats.ts";
import type { TensorLayout } from "../../../core/model/layouts.ts";
import { roundRows } from "../methods/round.ts";

/** An f32 matrix (rows, cols). It exists between stages only: kernels multiply no f32 matrices. */
export const floatTensor = (values: Float32Array, rows: number, cols: number): PackedTensor => ({
  format: "f32",
  rows,
  cols,
  bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice(),
});

/**
 * `values` (rows, cols) rounded to a layout without outliers. Where sensitivities are given, codebooks weigh each error
 * by them.
 */
export function roundedTensor(layout: TensorLayout, values: Float32Array, sensitivities?: Float32Array): PackedTensor {
  const parts = roundRows(layout.format as BlockFormat, values, layout.rows, sensitivities);
  return { ...layout, bytes: encodeTensor(layout, parts) };
}
