/**
 * The stage that keeps the heads, MLP channels and channels of the residual stream with the highest Taylor importance
 * (methods/llm-pruner.ts).
 */

import type { PackedModel } from "../../../core/format/pack.ts";
import { decodeTensor } from "../../../core/model/decode.ts";
import { OutriderError } from "../../../core/model/errors.ts";
import type { Calibration, TensorGradient } from "../calibrate/calibration.ts";
import { attentionGroups, type Group, hiddenGroups, mlpGroups } from "../methods/groups.ts";
import {
  type Aggregation,
  groupImportance,
  type LineImportance,
  lineImportance,
  type Salience,
} from "../methods/llm-pruner.ts";
import { groupsKept, type RankedBlock, rankGlobally, rankLocally, ratioAfter } from "../methods/ranking.ts";
import { pruneHidden, zeroHidden } from "./prune-hidden.ts";
import { CHANNEL_UNIT, type KeptWidth, pruneWidth, wholeWidth, zeroWidth } from "./prune-width.ts";
import { upTo } from "./select-lines.ts";

export interface LlmPruner {
  readonly stage: "llm-pruner";
  /** Share of the key/value heads to remove, with their query heads; 0 keeps all. */
  readonly attention: number;
  /** Share of the MLP channels to remove. */
  readonly mlp: number;
  /** Share of the residual stream's channels to remove in the whole model, rounded to a multiple of 64. */
  readonly hidden?: number | undefined;
  /** First and last block, 0-based, that may lose heads or channels. */
  readonly blocks: readonly [number, number];
  readonly salience: Salience;
  readonly aggregation: Aggregation;
  /**
   * Ranks heads and channels of all these blocks together, and removes at most this share of any block. When absent,
   * each block is ranked by itself.
   */
  readonly globalCap?: number | undefined;
  /** Number of steps; importance is estimated anew before each. */
  readonly steps: number;
  /**
   * The loss whose gradients give importance: cross-entropy of the text when absent; with `kl`, from the second step
   * on, the divergence from the unpruned model.
   */
  readonly loss?: "kl" | undefined;
}

/** What a model keeps. */
interface Kept {
  /** Kept in each block. */
  readonly widths: readonly KeptWidth[];
  /** Kept channels of the residual stream. */
  readonly hidden: readonly number[];
}

/** A narrower copy. Throws `bad_recipe` for blocks that are not there and ratios that remove no head or leave none. */
export async function llmPruner(model: PackedModel, stage: LlmPruner, calibration: Calibration): Promise<PackedModel> {
  checkStage(model, stage);
  const widths = upTo(model.config.layers).map((layer) => wholeWidth(model.config, layer));
  let kept: Kept = { widths, hidden: upTo(model.config.embedding) };
  for (let step = 0; step < stage.steps; step++) {
    const now = step === 0 ? model : without(model, kept, zeroWidth, zeroHidden);
    const squares = stage.salience === "second" || stage.salience === "mixed";
    // At the unpruned model itself KL has no slope.
    const teacher = stage.loss === "kl" && step > 0 ? model : undefined;
    const gradientOf = await calibration.gradients(now, squares, (stage.hidden ?? 0) > 0, teacher);
    kept = chooseLines(model, stage, step, kept, lines(now, stage.salience, gradientOf));
  }
  return { ...without(model, kept, pruneWidth, pruneHidden), recipe: [...model.recipe, { ...stage }] };
}

/** The model without what is not kept; the given functions either leave it out or set it to zero. */
function without(
  model: PackedModel,
  { widths, hidden }: Kept,
  ofWidths: typeof pruneWidth,
  ofHidden: typeof pruneHidden,
): PackedModel {
  const made = ofWidths(model, widths);
  return hidden.length === model.config.embedding ? made : ofHidden(made, hidden);
}

/** What a step keeps of `kept`. */
function chooseLines(
  { config }: PackedModel,
  { attention, mlp, hidden = 0, blocks: [first, last], aggregation, globalCap, steps }: LlmPruner,
  step: number,
  kept: Kept,
  linesOf: (tensor: string) => LineImportance,
): Kept {
  const rank = (groups: readonly Group[], left: readonly number[]): RankedBlock => ({
    importance: groupImportance(groups, linesOf, aggregation),
    left,
  });
  const chosen = kept.widths.slice(first, last + 1).map((width, n) => ({
    heads: rank(attentionGroups(config, first + n), width.kvHeads),
    channels: rank(mlpGroups(config, first + n), width.channels),
  }));
  // The importance of heads and of channels differs too much for one ranking.
  const choose = (blocks: readonly RankedBlock[], lines: number, ratio: number): number[][] => {
    const reached = ratioAfter(ratio, step, steps);
    return globalCap === undefined
      ? rankLocally(blocks, lines, reached)
      : rankGlobally(blocks, lines, reached, globalCap);
  };
  const heads = choose(
    chosen.map((block) => block.heads),
    config.headSize,
    attention,
  );
  const channels = choose(
    chosen.map((block) => block.channels),
    1,
    mlp,
  );
  return {
    widths: kept.widths.map((whole, layer) =>
      layer < first || layer > last ? whole : { kvHeads: heads[layer - first]!, channels: channels[layer - first]! },
    ),
    hidden: hidden === 0 ? kept.hidden : chooseHidden(),
  };

  /** Every step removes the same number. The last one leaves a multiple of what weight formats need. */
  function chooseHidden(): number[] {
    const ratio = 1 - hiddenKept(config.embedding, hidden) / config.embedding;
    return rankLocally([rank(hiddenGroups(config), kept.hidden)], 1, ratioAfter(ratio, step, steps))[0]!;
  }
}

/** Number of residual channels that a ratio leaves, as a multiple of what formats need. */
const hiddenKept = (channels: number, ratio: number): number =>
  Math.round((channels * (1 - ratio)) / CHANNEL_UNIT) * CHANNEL_UNIT;

/** Importance of the rows or columns of a tensor; each tensor is computed once. */
function lines(
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
  { attention, mlp, hidden = 0, blocks: [first, last], globalCap, steps, loss }: LlmPruner,
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
  for (const [name, ratio] of Object.entries({ attention, mlp, hidden })) {
    if (!(ratio >= 0 && ratio < 1)) throw bad(`${name} is ${ratio}; a ratio is at least 0 and under 1`);
  }
  if (globalCap !== undefined && globalCap < Math.max(attention, mlp)) {
    throw bad(`globalCap is ${globalCap}; no ratio can be reached that is larger`);
  }
  const { kvHeads, headSize, embedding } = config;
  const stream = hiddenKept(embedding, hidden);
  if (hidden > 0 && (stream >= embedding || stream === 0)) {
    throw bad(
      `hidden ${hidden} leaves ${stream} of ${embedding} channels; ` +
        `they are removed in units of ${CHANNEL_UNIT}, a ratio of ${CHANNEL_UNIT / embedding}`,
    );
  }
  const left = groupsKept(kvHeads, headSize, attention);
  if ((attention > 0 && left === kvHeads) || left === 0) {
    throw bad(
      `attention ${attention} leaves ${left} of ${kvHeads} key/value heads; one head is a ratio of ${1 / kvHeads}`,
    );
  }
}
