/**
 * The stage that rounds matrices to another weight format. It may also keep fewer columns per block of rows, and add
 * outliers. It uses no text: every weight counts the same.
 */

import type { PackedModel, PackedTensor } from "../../../core/format/pack.ts";
import { decodeTensor } from "../../../core/model/decode.ts";
import { OutriderError } from "../../../core/model/errors.ts";
import type { BlockFormat } from "../../../core/model/formats.ts";
import type { Keep, TensorLayout } from "../../../core/model/layouts.ts";
import { DOWN, EMBEDDING, HEAD, VALUES } from "../../../core/model/tensors.ts";
import { largestResiduals } from "../methods/residuals.ts";
import { roundedTensor } from "../rounding/tensors.ts";
import { keepApart } from "./keep-apart.ts";

/** The formats of matrices. */
export interface Formats {
  readonly format: BlockFormat;
  /** Of the down projections, and of the projections to the values, where it is another; for blocks only. */
  readonly down?: BlockFormat | undefined;
  readonly values?: BlockFormat | undefined;
}

export interface Quantise extends Formats {
  readonly stage: "quantise";
  /** The matrices of all blocks, or embedding and head. */
  readonly tensors: "blocks" | "vocabulary";
  /** How many of each 16 columns a tile of 16 rows keeps; for blocks only. */
  readonly keep?: Keep | undefined;
  /** Outliers per row; for blocks only. */
  readonly outliers?: number | undefined;
}

/**
 * A copy whose chosen matrices are in `format`. Throws `bad_recipe` for what the embedding cannot be, `invalid_shape`
 * for columns that do not fit.
 */
export function quantise(model: PackedModel, stage: Quantise): PackedModel {
  const { tensors: which, keep, outliers } = stage;
  if (which === "vocabulary" && ((keep ?? 16) !== 16 || outliers)) {
    throw new OutriderError("bad_recipe", "quantise: embedding and head are dense and without outliers");
  }
  if (which === "vocabulary" && (stage.down || stage.values)) {
    throw new OutriderError(
      "bad_recipe",
      "quantise: embedding and head have no down projections and no values; leave out down and values",
    );
  }
  const tensors = new Map(model.tensors);
  for (const [name, tensor] of model.tensors) {
    const ofVocabulary = name === EMBEDDING || name === HEAD;
    if (tensor.rows === 1 || ofVocabulary !== (which === "vocabulary")) continue;
    const { rows, cols } = tensor;
    const format = formatOf(stage, name);
    tensors.set(name, quantiseTensor({ format, rows, cols, keep }, decodeTensor(tensor, tensor.bytes), outliers));
  }
  return { ...model, tensors, recipe: [...model.recipe, { ...stage }] };
}

/** The format of a block's matrix. */
export const formatOf = ({ format, down, values }: Formats, name: string): BlockFormat =>
  (name.endsWith(DOWN) && down) || (name.endsWith(VALUES) && values) || format;

/** `values` (rows, cols) in a layout. The `outliers` of each row with the largest rounding errors are kept apart. */
export function quantiseTensor(
  layout: Omit<TensorLayout, "outliers">,
  values: Float32Array,
  outliers = 0,
): PackedTensor {
  const { rows } = layout;
  const rounded = roundedTensor(layout, values);
  if (outliers === 0) return rounded;
  return keepApart(rounded, values, largestResiduals(values, decodeTensor(rounded, rounded.bytes), rows, outliers));
}
