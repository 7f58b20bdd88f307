/**
 * Runs a recipe: its stages in order over the base model. The header of a pack lists the stages that made it, so a pack
 * that is already what a recipe asks for is left alone.
 */
import { isDeepStrictEqual } from "node:util";
import type { PackedModel } from "../../core/format/pack.ts";
import { type PackHeader, targetOf } from "../../core/format/pack-header.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { wholePack } from "../../core/platform/disk.ts";
import type { Calibration } from "./calibrate/calibration.ts";
import { solveBlocks } from "./calibrate/solving/solution.ts";
import type { Recipe, Stage } from "./recipe.ts";
import { setActivations } from "./stages/activations.ts";
import { layerwise } from "./stages/layerwise.ts";
import { llmPruner } from "./stages/llm-pruner.ts";
import { pruneDepth } from "./stages/prune-depth.ts";
import { quantise } from "./stages/quantise.ts";
import { shortenedLlama } from "./stages/shortened-llama.ts";
import { addSkew } from "./stages/skew.ts";
import { squeezeLlm } from "./stages/squeezellm.ts";
import { trimVocabulary } from "./stages/trim-vocabulary.ts";

type StageOf<K> = Extract<Stage, { stage: K }>;
type Apply<K> = (model: PackedModel, stage: StageOf<K>, calibration: Calibration) => PackedModel | Promise<PackedModel>;

/** What each stage does to a model. */
const STAGES: { [K in Stage["stage"]]: Apply<K> } = {
  "prune-depth": pruneDepth,
  "trim-vocabulary": trimVocabulary,
  quantise,
  activations: setActivations,
  magnitude: layerwise,
  wanda: layerwise,
  sparsegpt: layerwise,
  squeezellm: squeezeLlm,
  "llm-pruner": llmPruner,
  "shortened-llama": shortenedLlama,
  skew: addSkew,
};

export const STAGE_NAMES = Object.keys(STAGES) as Stage["stage"][];

const applyStage = <K extends Stage["stage"]>(model: PackedModel, stage: StageOf<K>, calibration: Calibration) =>
  STAGES[stage.stage as K](model, stage, calibration);

/**
 * Applies the stages of a recipe, in memory. The result drafts for the base, or for the base's own target if the base
 * is a draft. Rejects with `no_calibration` where a stage needs text and there is none, with `bad_recipe` where a skew
 * is not the last stage.
 */
export async function runStages(
  base: PackedModel,
  recipe: Pick<Recipe, "model" | "stages" | "drafting">,
  calibration: Calibration = NO_CALIBRATION,
): Promise<PackedModel> {
  const skew = recipe.stages.findIndex(({ stage }) => stage === "skew");
  if (skew >= 0 && skew < recipe.stages.length - 1) {
    throw new OutriderError("bad_recipe", "skew belongs to the weights that it is measured on; make it the last stage");
  }
  let made = base;
  for (const stage of recipe.stages) made = await applyStage(made, stage, calibration);
  const { model, drafting } = recipe;
  return { ...made, model, target: targetOf(base), ...(drafting && { drafting }) };
}

const missing = (): never => {
  throw new OutriderError("no_calibration", "this recipe measures the model on text; name one with --calibration FILE");
};

const NO_CALIBRATION: Calibration = {
  compress: missing,
  eachBlock: solveBlocks,
  round: missing,
  perplexity: missing,
  agreement: missing,
  gradients: missing,
  counts: missing,
  influence: missing,
  moments: missing,
};

/**
 * The header of the pack in `directory` if that is what the recipe makes of the base. Only for recipes without
 * calibration.
 */
export async function alreadyMade(
  base: Pick<PackedModel, "recipe" | "drafting">,
  recipe: Pick<Recipe, "model" | "stages" | "drafting">,
  directory: string,
): Promise<PackHeader | undefined> {
  const there = await wholePack(directory);
  // A header's entries are the stages and what they found, so equal stages mean equal work on equal input.
  const asked = (stages: readonly object[]) =>
    JSON.stringify(stages, (key, value) => (key === "found" ? undefined : value));
  const wanted = asked([...base.recipe, ...recipe.stages]);
  const same =
    there?.model === recipe.model &&
    asked(there.recipe) === wanted &&
    isDeepStrictEqual(there.drafting, recipe.drafting ?? base.drafting);
  return same ? there : undefined;
}
