/**
 * The stage that narrows MLPs by whole channels, ranked by Wanda's measure: Wanda-sp, the baseline of An et al. 2023
 * (FLAP, arXiv 2312.11983, §4.1). It works block by block and needs no gradients. Statistics come from behind the
 * blocks that are already narrowed.
 */

import type { PackedModel } from "../../../core/format/pack.ts";
import { decodeTensor } from "../../../core/model/decode.ts";
import { OutriderError } from "../../../core/model/errors.ts";
import { blockTensor, DOWN } from "../../../core/model/tensors.ts";
import type { Calibration } from "../calibrate/calibration.ts";
import { rankLocally } from "../methods/ranking.ts";
import { wandaColumns } from "../methods/wanda.ts";
import { floatTensor } from "../rounding/tensors.ts";
import { pruneWidth, wholeWidth } from "./prune-width.ts";
import { linesInPlace, selectLines, upTo } from "./select-lines.ts";

export interface WandaSp {
  readonly stage: "wanda-sp";
  /** Share of each MLP's channels to remove. */
  readonly mlp: number;
}

/** A narrower copy. Throws `bad_recipe` for a share that leaves no channel. */
export async function wandaSp(model: PackedModel, stage: WandaSp, calibration: Calibration): Promise<PackedModel> {
  if (!(stage.mlp >= 0 && stage.mlp < 1)) {
    throw new OutriderError("bad_recipe", `wanda-sp: mlp is ${stage.mlp}; a share is at least 0 and under 1`);
  }
  // Zeros mark removed channels: a resumed run reads solved blocks from its journal and does not come through here.
  const solved = await calibration.compress(model, "squares", (_layer, { down: { squares, cols } }, weightsOf) => {
    const weights = weightsOf(DOWN);
    const importance = wandaColumns(weights, squares);
    const [kept] = rankLocally([{ importance, left: upTo(cols) }], 1, stage.mlp);
    const whole = floatTensor(weights, weights.length / cols, cols);
    return new Map([[DOWN, selectLines(whole, "all", linesInPlace(kept!, cols))]]);
  });
  const widths = upTo(model.config.layers).map((layer) => {
    const tensor = solved.get(blockTensor(layer, DOWN))!;
    const left = new Set<number>();
    for (const [n, value] of decodeTensor(tensor, tensor.bytes).entries()) if (value !== 0) left.add(n % tensor.cols);
    return { ...wholeWidth(model.config, layer), channels: [...left].sort((a, b) => a - b) };
  });
  return { ...pruneWidth(model, widths), recipe: [...model.recipe, { ...stage }] };
}
