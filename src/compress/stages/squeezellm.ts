/** The stage that gives each row of the blocks a codebook by the weights' sensitivities, and keeps a few apart (methods/squeezellm.ts). */
import type { PackedModel, PackedTensor } from "../../format/pack.ts";
import { decodeTensor } from "../../model/decode.ts";
import { BLOCK_TENSORS, blockTensor } from "../../model/tensors.ts";
import type { BlockTensor } from "../calibrate/shape.ts";
import type { Calibration } from "../calibration.ts";
import { countingSensitivities, keptApart } from "../methods/squeezellm.ts";
import { keepOf } from "../methods/vector-sparsity.ts";
import { keepApart } from "./keep-apart.ts";
import { roundedTensor } from "./solved-tensor.ts";

export interface SqueezeLlm {
  readonly stage: "squeezellm";
  readonly bits: 3 | 4;
  /** Share of a matrix kept apart for its sensitivity, and share of it for its size. */
  readonly sensitive: number;
  readonly outlying: number;
}

/**
 * A copy with the block matrices in lut3 or lut4, entries of six bits. Columns that an earlier stage pruned from whole blocks
 * stay out; other zeros are values like any. Rejects with what calibration rejects with.
 */
export async function squeezeLlm(
  model: PackedModel,
  stage: SqueezeLlm,
  calibration: Calibration,
): Promise<PackedModel> {
  const gradientOf = await calibration.gradients(model, true);
  const solved = await calibration.eachBlock(model, (layer) => {
    const solution = new Map<BlockTensor, PackedTensor>();
    for (const [suffix] of BLOCK_TENSORS) {
      const name = blockTensor(layer, suffix);
      const tensor = model.tensors.get(name)!;
      if (tensor.rows > 1) solution.set(suffix, squeezeTensor(tensor, gradientOf(name).squares!, stage));
    }
    return solution;
  });
  return { ...model, tensors: new Map([...model.tensors, ...solved]), recipe: [...model.recipe, { ...stage }] };
}

function squeezeTensor(tensor: PackedTensor, fisher: Float32Array, stage: SqueezeLlm): PackedTensor {
  const { rows, cols } = tensor;
  const { bits, sensitive, outlying } = stage;
  const values = decodeTensor(tensor, tensor.bytes);
  const keep = keepOf(values, rows, cols);
  // What the blocks leave out is no weight, whatever the loss would gain by it.
  const own = fisher.map((sensitivity, at) => (keep < 16 && values[at] === 0 ? 0 : sensitivity));
  const apart = keptApart(values, own, sensitive, outlying);
  const layout = { format: bits === 4 ? "lut4" : "lut3", rows, cols, ...(keep < 16 && { keep }) } as const;
  const rounded = roundedTensor(layout, values, countingSensitivities(own, apart));
  return apart.includes(1) ? keepApart(rounded, values, apart) : rounded;
}
