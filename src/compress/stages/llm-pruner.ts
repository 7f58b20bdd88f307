/** The stage that chooses by Taylor importance which heads and channels each block keeps (methods/llm-pruner.ts), and keeps those. */
import type { PackedModel } from "../../format/pack.ts";
import { blockShape } from "../../model/config.ts";
import { decodeTensor } from "../../model/decode.ts";
import { OutriderError } from "../../model/errors.ts";
import type { Calibration, TensorGradient } from "../calibration.ts";
import { attentionGroups, type Group, mlpGroups } from "../methods/groups.ts";
import {
  type Aggregation,
  groupImportance,
  type LineImportance,
  lineImportance,
  type Salience,
} from "../methods/llm-pruner.ts";
import { groupsKept, type RankedBlock, rankGlobally, rankLocally, ratioAfter } from "../methods/ranking.ts";
import { type KeptWidth, pruneWidth, zeroWidth } from "./prune-width.ts";

export interface LlmPruner {
  readonly stage: "llm-pruner";
  /** Share of the key/value heads that goes, with their query heads; 0 keeps them all. */ readonly attention: number;
  /** Share of the MLP channels that goes. */ readonly mlp: number;
  /** First and last block, 0-based, that may lose any. */ readonly blocks: readonly [number, number];
  readonly salience: Salience;
  readonly aggregation: Aggregation;
  /** Ranks over all these blocks together, none losing more than this share; within each block when absent. */
  readonly globalCap?: number | undefined;
  /** In how many steps, importance estimated anew before each. */ readonly steps: number;
  /**
   * Of what importance is estimated: the text's cross-entropy when absent; by `kl`, in all steps but the first, of the
   * divergence from the model as it was.
   */
  readonly loss?: "kl" | undefined;
}

/** A narrower copy. Throws `bad_recipe` for blocks that are not there and ratios that remove no head or leave none. */
export async function llmPruner(model: PackedModel, stage: LlmPruner, calibration: Calibration): Promise<PackedModel> {
  checkStage(model, stage);
  const [first, last] = stage.blocks;
  let kept: readonly KeptWidth[] = Array.from({ length: model.config.layers }, (_, layer) => {
    const { kvHeads, feedForward } = blockShape(model.config, layer);
    return { kvHeads: upTo(kvHeads), channels: upTo(feedForward) };
  });
  for (let step = 0; step < stage.steps; step++) {
    const now = step === 0 ? model : zeroWidth(model, kept);
    const squares = stage.salience === "second" || stage.salience === "mixed";
    // At the teacher itself KL has no slope.
    const teacher = stage.loss === "kl" && step > 0 ? model : undefined;
    const gradientOf = await calibration.gradients(now, squares, teacher);
    const heads: RankedBlock[] = [];
    const channels: RankedBlock[] = [];
    for (let layer = first; layer <= last; layer++) {
      const linesOf = blockLines(now, stage.salience, gradientOf);
      const rank = (groups: readonly Group[], left: readonly number[]): RankedBlock => ({
        importance: groupImportance(groups, linesOf, stage.aggregation),
        left,
      });
      heads.push(rank(attentionGroups(model.config, layer), kept[layer]!.kvHeads));
      channels.push(rank(mlpGroups(model.config, layer), kept[layer]!.channels));
    }
    // Heads and channels are worth too different amounts for one ranking.
    const choose = (blocks: readonly RankedBlock[], lines: number, ratio: number): number[][] => {
      const reached = ratioAfter(ratio, step, stage.steps);
      return stage.globalCap === undefined
        ? rankLocally(blocks, lines, reached)
        : rankGlobally(blocks, lines, reached, stage.globalCap);
    };
    const keptHeads = choose(heads, model.config.headSize, stage.attention);
    const keptChannels = choose(channels, 1, stage.mlp);
    kept = kept.map((whole, layer) =>
      layer < first || layer > last
        ? whole
        : { kvHeads: keptHeads[layer - first]!, channels: keptChannels[layer - first]! },
    );
  }
  return { ...pruneWidth(model, kept), recipe: [...model.recipe, { ...stage }] };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** What the lines of a tensor are worth, each tensor computed once. */
function blockLines(
  model: PackedModel,
  salience: Salience,
  gradientOf: (tensor: string) => TensorGradient,
): (name: string) => LineImportance {
  const known = new Map<string, LineImportance>();
  return (name) => {
    let lines = known.get(name);
    if (!lines) {
      const tensor = model.tensors.get(name)!;
      const { rows, cols } = tensor;
      lines = lineImportance(salience, { rows, cols, values: decodeTensor(tensor, tensor.bytes), ...gradientOf(name) });
      known.set(name, lines);
    }
    return lines;
  };
}

function checkStage(
  { config }: PackedModel,
  { attention, mlp, blocks: [first, last], globalCap, steps, loss }: LlmPruner,
): void {
  const bad = (message: string) => new OutriderError("bad_recipe", `llm-pruner: ${message}`);
  if (!(first >= 0 && first <= last && last < config.layers)) {
    throw bad(`blocks are ${first} to ${last}; choose from 0 to ${config.layers - 1}`);
  }
  if (steps < 1) throw bad(`steps is ${steps}; take at least one`);
  if (loss === "kl" && steps === 1) {
    throw bad(
      "loss kl needs steps from 2 on; in the first step the model is its own teacher, and KL has no slope there",
    );
  }
  for (const [name, ratio] of Object.entries({ attention, mlp })) {
    if (!(ratio >= 0 && ratio < 1)) throw bad(`${name} is ${ratio}; a ratio is at least 0 and under 1`);
  }
  if (globalCap !== undefined && globalCap < Math.max(attention, mlp)) {
    throw bad(`globalCap is ${globalCap}; no ratio can be reached that is larger`);
  }
  const { kvHeads, headSize } = config;
  const left = groupsKept(kvHeads, headSize, attention);
  if ((attention > 0 && left === kvHeads) || left === 0) {
    throw bad(
      `attention ${attention} leaves ${left} of ${kvHeads} key/value heads; one head is a ratio of ${1 / kvHeads}`,
    );
  }
}
