/** The stage that leaves out blocks by a measurement (methods/shortened-llama.ts). */

import type { PackedModel } from "../../../core/format/pack.ts";
import { decodeTensor } from "../../../core/model/decode.ts";
import { OutriderError } from "../../../core/model/errors.ts";
import { blockSuffixes, blockTensor } from "../../../core/model/tensors.ts";
import { startProgress } from "../../../core/platform/progress.ts";
import type { Calibration } from "../calibrate/calibration.ts";
import { greedyRemoval } from "../methods/depth.ts";
import { perplexityScores, plusBlocks, removalOrder, taylorScore } from "../methods/shortened-llama.ts";
import { pruneDepth } from "./prune-depth.ts";

export interface ShortenedLlama {
  readonly stage: "shortened-llama";
  /**
   * `acceptance`, our own criterion, measures the agreement with the target's answers, which is what a draft is for,
   * anew after each removal. The other criteria rank the blocks once.
   */
  readonly criterion: "perplexity" | "acceptance" | "taylor" | "influence";
  /** Number of blocks to remove. */
  readonly remove: number;
  /** Whether the first four and the last two blocks always stay. */
  readonly plus: boolean;
}

/** A copy without the chosen blocks. Throws `bad_recipe` when more are to be removed than may be. */
export async function shortenedLlama(
  model: PackedModel,
  stage: ShortenedLlama,
  calibration: Calibration,
): Promise<PackedModel> {
  const removed = await chooseBlocks(model, stage, calibration);
  const keep = Array.from({ length: model.config.layers }, (_, layer) => layer).filter(
    (layer) => !removed.includes(layer),
  );
  const recipe = [...model.recipe, { ...stage, found: { removed } }];
  return { ...pruneDepth(model, { stage: "prune-depth", keep }), recipe };
}

/** The removed blocks, in the order of their removal. Throws as `shortenedLlama` does. */
export async function chooseBlocks(
  model: PackedModel,
  { criterion, remove, plus }: ShortenedLlama,
  calibration: Calibration,
): Promise<number[]> {
  const { layers } = model.config;
  const stays = plus ? plusBlocks(layers) : [];
  const most = plus ? Math.max(0, layers - stays.length) : layers - 1;
  if (remove > most) {
    throw new OutriderError(
      "bad_recipe",
      `shortened-llama: remove is ${remove}; of ${layers} blocks at most ${most} can go${plus ? " with plus" : ""}`,
    );
  }
  if (criterion === "acceptance") return byAgreement(model, remove, stays, calibration);
  return removalOrder(await blockScores(model, criterion, calibration), stays).slice(0, remove);
}

async function byAgreement(
  model: PackedModel,
  remove: number,
  stays: readonly number[],
  calibration: Calibration,
): Promise<number[]> {
  const { layers } = model.config;
  const all = Array.from({ length: layers }, (_, layer) => layer);
  const removed: number[] = [];
  const tries = all.slice(0, remove).reduce((sum, gone) => sum + layers - gone - stays.length, 0);
  const progress = startProgress("trying without a block", tries);
  let tried = 0;
  const worth = async (left: readonly number[]): Promise<number> => {
    if (!stays.every((layer) => left.includes(layer))) return -Infinity;
    const value = await calibration.agreement(model, left);
    progress.update(++tried);
    return value;
  };
  try {
    for await (const step of greedyRemoval(all, layers - remove, worth)) removed.push(step.removed);
  } finally {
    progress.end();
  }
  return removed;
}

async function blockScores(
  model: PackedModel,
  criterion: "perplexity" | "taylor" | "influence",
  calibration: Calibration,
): Promise<readonly number[]> {
  const { layers } = model.config;
  if (criterion === "perplexity") return perplexityScores(layers, (left) => calibration.perplexity(model, left));
  if (criterion === "influence") return calibration.influence(model);
  const values = (name: string) => decodeTensor(model.tensors.get(name)!, model.tensors.get(name)!.bytes);
  const names = (layer: number) => blockSuffixes(model.config).map((suffix) => blockTensor(layer, suffix));
  const blocks = Array.from({ length: layers }, (_, layer) => names(layer));
  const gradientOf = await calibration.gradients(model, false);
  return blocks.map((own) =>
    taylorScore(each(own, (name) => ({ values: values(name), gradient: gradientOf(name).gradient }))),
  );
}

function* each<T>(names: readonly string[], of: (name: string) => T): Generator<T> {
  for (const name of names) yield of(name);
}
