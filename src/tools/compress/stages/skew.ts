/**
 * The stage that gives a model the skew of InfiniGen (methods/skew.ts), for policies of which keys are read
 * (draft/infinigen). No forward pass reads it. It belongs to the weights that it was measured on, so it comes last.
 */

import type { PackedModel, PackedTensor } from "../../../core/format/pack.ts";
import { OutriderError } from "../../../core/model/errors.ts";
import { blockTensor, SKEW } from "../../../core/model/tensors.ts";
import type { Calibration } from "../calibrate/calibration.ts";
import { skewOf } from "../methods/skew.ts";
import { floatTensor } from "../rounding/tensors.ts";

export interface Skew {
  readonly stage: "skew";
  /** Channels of each key/value head that are kept, a multiple of four. */
  readonly channels: number;
}

/** A copy with a skew of each layer. Throws `bad_recipe` for more channels than heads have, or no multiple of four. */
export async function addSkew(model: PackedModel, stage: Skew, calibration: Calibration): Promise<PackedModel> {
  const { headSize: D } = model.config;
  const { channels } = stage;
  if (channels > D || channels % 4 !== 0) {
    throw new OutriderError("bad_recipe", `skew: ${channels} channels; take a multiple of 4 up to the ${D} of a head`);
  }
  const tensors = new Map<string, PackedTensor>(model.tensors);
  for (const [layer, heads] of (await calibration.moments(model)).entries()) {
    const skew = new Float32Array(heads.length * channels * D);
    for (const [g, { queries, keys }] of heads.entries()) skew.set(skewOf(queries, keys, channels), g * channels * D);
    tensors.set(blockTensor(layer, SKEW), floatTensor(skew, 1, skew.length));
  }
  return { ...model, config: { ...model.config, skew: channels }, tensors, recipe: [...model.recipe, { ...stage }] };
}
