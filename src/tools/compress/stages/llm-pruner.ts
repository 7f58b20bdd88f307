/**
 * The stage that keeps the heads and MLP channels with the highest Taylor importance (methods/llm-pruner.ts), in each
 * block by itself.
 */

import type { PackedModel } from "../../../core/format/pack.ts";
import { decodeTensor } from "../../../core/model/decode.ts";
import { OutriderError } from "../../../core/model/errors.ts";
import type { Calibration } from "../calibrate/calibration.ts";
import { attentionGroups, mlpGroups } from "../methods/groups.ts";
import {
  groupImportance,
  groupsKept,
  type LineImportance,
  lineImportance,
  mostImportant,
} from "../methods/llm-pruner.ts";
import { pruneWidth, wholeWidth } from "./prune-width.ts";
import { upTo } from "./select-lines.ts";

export interface LlmPruner {
  readonly stage: "llm-pruner";
  /** Share of the key/value heads to remove, with their query heads; 0 keeps all. */
  readonly attention: number;
  /** Share of the MLP channels to remove. */
  readonly mlp: number;
  /** First and last block, 0-based, that may lose heads or channels. */
  readonly blocks: readonly [number, number];
}

/** A narrower copy. Throws `bad_recipe` for blocks that are not there and ratios that remove no head or leave none. */
export async function llmPruner(model: PackedModel, stage: LlmPruner, calibration: Calibration): Promise<PackedModel> {
  checkStage(model, stage);
  const { config } = model;
  const { attention, mlp } = stage;
  const [first, last] = stage.blocks;
  const gradientOf = await calibration.gradients(model, false);
  const known = new Map<string, LineImportance>();
  const linesOf = (name: string): LineImportance => {
    const lines = known.get(name) ?? importanceOf(name);
    known.set(name, lines);
    return lines;
  };
  const widths = upTo(config.layers).map((layer) =>
    layer < first || layer > last
      ? wholeWidth(config, layer)
      : {
          kvHeads: mostImportant(groupImportance(attentionGroups(config, layer), linesOf), config.headSize, attention),
          channels: mostImportant(groupImportance(mlpGroups(config, layer), linesOf), 1, mlp),
        },
  );
  return { ...pruneWidth(model, widths), recipe: [...model.recipe, { ...stage }] };

  function importanceOf(name: string): LineImportance {
    const tensor = model.tensors.get(name)!;
    const { rows, cols } = tensor;
    return lineImportance(rows, cols, decodeTensor(tensor, tensor.bytes), gradientOf(name).gradient);
  }
}

function checkStage({ config }: PackedModel, { attention, mlp, blocks: [first, last] }: LlmPruner): void {
  const bad = (message: string) => new OutriderError("bad_recipe", `llm-pruner: ${message}`);
  if (!(first >= 0 && first <= last && last < config.layers)) {
    throw bad(`blocks are ${first} to ${last}; choose from 0 to ${config.layers - 1}`);
  }
  for (const [name, ratio] of Object.entries({ attention, mlp })) {
    if (!(ratio >= 0 && ratio < 1)) throw bad(`${name} is ${ratio}; a ratio is at least 0 and under 1`);
  }
  const { kvHeads, headSize } = config;
  const left = groupsKept(kvHeads, headSize, attention);
  if ((attention > 0 && left === kvHeads) || left === 0) {
    throw bad(
      `attention ${attention} leaves ${left} of ${kvHeads} key/value heads; one head is a ratio of ${1 / kvHeads}`,
    );
  }
}
