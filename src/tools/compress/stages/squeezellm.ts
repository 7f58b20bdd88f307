/**
 * The stage that gives each row of a block's matrices a codebook, weighted by sensitivity, and keeps a few weights
 * apart (methods/squeezellm.ts).
 */

import type { PackedModel, PackedTensor } from "../../../core/format/pack.ts";
import { decodeTensor } from "../../../core/model/decode.ts";
import { blockSuffixes, blockTensor } from "../../../core/model/tensors.ts";
import type { Calibration } from "../calibrate/calibration.ts";
import type { Unrounded } from "../calibrate/solving/round-on-threads.ts";
import { countingSensitivities, keptApart } from "../methods/squeezellm.ts";
import { keepApart } from "./keep-apart.ts";

export interface SqueezeLlm {
  readonly stage: "squeezellm";
  readonly bits: 3 | 4;
  /** Share of a matrix that is kept apart for its sensitivity, and share that is kept apart for its size. */
  readonly sensitive: number;
  readonly outlying: number;
}

/**
 * A copy whose block matrices are lut3 or lut4, with codebook entries of six bits. Zeros that an earlier stage
 * made are ordinary values. Rejects with what calibration rejects with.
 */
export async function squeezeLlm(
  model: PackedModel,
  stage: SqueezeLlm,
  calibration: Calibration,
): Promise<PackedModel> {
  const gradientOf = await calibration.gradients(model, true);
  const solved = await calibration.eachBlock(model, async (layer) => {
    const names = blockSuffixes(model.config).filter(
      (suffix) => model.tensors.get(blockTensor(layer, suffix))!.rows > 1,
    );
    const matrices = names.map((suffix) => {
      const name = blockTensor(layer, suffix);
      return toRound(model.tensors.get(name)!, gradientOf(name).squares!, stage);
    });
    const rounded = await calibration.round(matrices);
    return new Map(
      matrices.map(({ values, apart }, n) => {
        const tensor = rounded[n]!;
        return [names[n]!, apart.includes(1) ? keepApart(tensor, values, apart) : tensor];
      }),
    );
  });
  return { ...model, tensors: new Map([...model.tensors, ...solved]), recipe: [...model.recipe, { ...stage }] };
}

/** A matrix with the sensitivities that weigh its codebooks, and a 1 for each weight that is kept apart. */
function toRound(tensor: PackedTensor, fisher: Float32Array, stage: SqueezeLlm): Unrounded & { apart: Uint8Array } {
  const { rows, cols } = tensor;
  const { bits, sensitive, outlying } = stage;
  const values = decodeTensor(tensor, tensor.bytes);
  const apart = keptApart(values, fisher, sensitive, outlying);
  const layout = { format: bits === 4 ? "lut4" : "lut3", rows, cols } as const;
  return { layout, values, sensitivities: countingSensitivities(fisher, apart), apart };
}
