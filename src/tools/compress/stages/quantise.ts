/**
 * The stage that rounds matrices to another weight format. It uses no text: every weight counts the same.
 */

import type { PackedModel } from "../../../core/format/pack.ts";
import { decodeTensor } from "../../../core/model/decode.ts";
import { OutriderError } from "../../../core/model/errors.ts";
import type { BlockFormat } from "../../../core/model/formats.ts";
import { DOWN, EMBEDDING, HEAD, VALUES } from "../../../core/model/tensors.ts";
import { roundedTensor } from "../rounding/tensors.ts";

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
}

/**
 * A copy whose chosen matrices are in `format`. Throws `bad_recipe` for what the embedding cannot be, `invalid_shape`
 * for columns that do not fit.
 */
export function quantise(model: PackedModel, stage: Quantise): PackedModel {
  const { tensors: which } = stage;
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
    tensors.set(name, roundedTensor({ format, rows, cols }, decodeTensor(tensor, tensor.bytes)));
  }
  return { ...model, tensors, recipe: [...model.recipe, { ...stage }] };
}

/** The format of a block's matrix. */
export const formatOf = ({ format, down, values }: Formats, name: string): BlockFormat =>
  (name.endsWith(DOWN) && down) || (name.endsWith(VALUES) && values) || format;
