/**
 * A model whose blocks all have the width of the widest: missing heads and channels are zeros, which add nothing.
 * Hugging Face's format and the float model that calibrates know one width for all blocks.
 */
import { decodeTensor } from "../model/decode.ts";
import { tensorShapes } from "../model/tensors.ts";
import type { PackedModel, PackedTensor } from "./pack.ts";

/** The model itself when its blocks are even; else a copy whose padded matrices are f32. */
export function evenWidth(model: PackedModel): PackedModel {
  if (!model.config.widths) return model;
  const config = { ...model.config, widths: undefined };
  const tensors = new Map(model.tensors);
  for (const { name, rows, cols } of tensorShapes(config)) {
    const tensor = model.tensors.get(name)!;
    if (tensor.rows !== rows || tensor.cols !== cols) tensors.set(name, padded(tensor, rows, cols));
  }
  return { ...model, config, tensors };
}

function padded(tensor: PackedTensor, rows: number, cols: number): PackedTensor {
  const values = withPadding(decodeTensor(tensor, tensor.bytes), tensor.cols, rows, cols);
  return { format: "f32", rows, cols, bytes: new Uint8Array(values.buffer) };
}

/** A matrix of `width` columns in the upper left corner of zeros (rows, cols). */
export function withPadding(values: Float32Array, width: number, rows: number, cols: number): Float32Array {
  const out = new Float32Array(rows * cols);
  for (let row = 0; row * width < values.length; row++) {
    out.set(values.subarray(row * width, (row + 1) * width), row * cols);
  }
  return out;
}

/** The upper left corner (rows, cols) of a matrix of `width` columns: undoes the padding. */
export function withoutPadding<T extends Float32Array | Float64Array>(
  values: T,
  width: number,
  rows: number,
  cols: number,
): T {
  const out = values.slice(0, rows * cols) as T;
  for (let row = 0; row < rows; row++) out.set(values.subarray(row * width, row * width + cols), row * cols);
  return out;
}
