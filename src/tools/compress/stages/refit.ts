/**
 * The stage that repairs a model after blocks and MLP channels were removed, by least squares and without gradients.
 * In order, each block's down projection is fitted so that the residual stream behind it comes nearest to what enters
 * the next remaining block in the model that the recipe starts from. So each MLP also stands in for the blocks removed
 * behind it, and for what the blocks before it could not repair. The old weights are where the ridge pulls to.
 *
 * LLM-Streamline (Chen et al. 2024, arXiv 2403.19135) trains one small module on the hidden states of the blocks that
 * it replaces. Here no module is added, all remaining MLPs take part, and the fit has a closed form (methods/ridge.ts).
 */

import type { PackedModel } from "../../../core/format/pack.ts";
import { OutriderError } from "../../../core/model/errors.ts";
import { DOWN } from "../../../core/model/tensors.ts";
import { builtModule } from "../../../core/platform/built.ts";
import type { Calibration } from "../calibrate/calibration.ts";
import { ridge } from "../methods/ridge.ts";
import { Products } from "../methods/subtract-product.ts";
import { floatTensor } from "../rounding/tensors.ts";
import { upTo } from "./select-lines.ts";

export interface Refit {
  readonly stage: "refit";
}

/**
 * A copy with other down projections, in f32. A block whose stream lacks nothing keeps its bytes. Throws `bad_recipe`
 * where channels of the residual stream were removed.
 */
export async function refit(
  model: PackedModel,
  stage: Refit,
  calibration: Calibration,
  whole: PackedModel,
): Promise<PackedModel> {
  if (model.config.embedding !== whole.config.embedding) {
    throw new OutriderError(
      "bad_recipe",
      `refit: ${model.config.embedding} of ${whole.config.embedding} channels of the residual stream are left, and ` +
        "it compares streams of one width; leave hidden out of llm-pruner",
    );
  }
  const products = new Products(await builtModule("solve"));
  const solved = await calibration.fit(model, whole, blocksLeft(model, whole), (_layer, { gram, cross }, down) => {
    if (cross.every((value) => value === 0)) return new Map();
    const change = ridge(products, gram, cross);
    const cols = Math.sqrt(gram.length);
    const rows = down.length / cols;
    const fitted = down.map((weight, at) => weight + change[(at % cols) * rows + Math.floor(at / cols)]!);
    return new Map([[DOWN, floatTensor(fitted, rows, cols)]]);
  });
  return { ...model, tensors: new Map([...model.tensors, ...solved]), recipe: [...model.recipe, { ...stage }] };
}

/** The model's blocks by their numbers in `whole`, as the stages between the two recorded it. */
function blocksLeft(model: PackedModel, whole: PackedModel): number[] {
  let left = upTo(whole.config.layers);
  for (const { stage, keep, found } of model.recipe.slice(whole.recipe.length)) {
    if (stage === "prune-depth") left = (keep as number[]).map((n) => left[n]!);
    if (stage === "shortened-llama") {
      const { removed } = found as { removed: number[] };
      left = left.filter((_, n) => !removed.includes(n));
    }
  }
  return left;
}
