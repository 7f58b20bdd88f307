/**
 * Runs a recipe: the stages in order over the base model. A pack says in its header how it was made, so a pack that
 * already is what the recipe asks for is left alone.
 */
import { rm } from "node:fs/promises";
import path from "node:path";
import { directorySink, FileSource, openDirectory, shardReader } from "../format/disk.ts";
import { type PackedModel, writePack } from "../format/pack.ts";
import type { PackHeader } from "../format/pack-header.ts";
import { readPack, readPackHeader } from "../format/pack-reader.ts";
import { readText } from "../format/source.ts";
import { OutriderError } from "../model/errors.ts";
import type { Recipe, Stage } from "./recipe.ts";
import { setActivations } from "./stages/activations.ts";
import { pruneDepth } from "./stages/prune-depth.ts";
import { quantise } from "./stages/quantise.ts";
import { trimVocabulary } from "./stages/trim-vocabulary.ts";

const MAX_HEADER_BYTES = 16 * 1024 * 1024;

/** What each stage does to a model. */
const STAGES: { [K in Stage["stage"]]: (model: PackedModel, stage: Extract<Stage, { stage: K }>) => PackedModel } = {
  "prune-depth": pruneDepth,
  "trim-vocabulary": trimVocabulary,
  quantise,
  activations: setActivations,
};

const applyStage = <K extends Stage["stage"]>(model: PackedModel, stage: Extract<Stage, { stage: K }>): PackedModel =>
  STAGES[stage.stage as K](model, stage);

/** Applies the stages of a recipe, in memory. */
export function runStages(base: PackedModel, recipe: Recipe): PackedModel {
  const made = recipe.stages.reduce(applyStage, base);
  return { ...made, model: recipe.model };
}

/** Makes the pack of a recipe in `directory` from the pack in `base`, unless it is there already. Returns its header. */
export async function makePack(recipe: Recipe, base: string, directory: string): Promise<PackHeader> {
  const from = await wholePack(base);
  if (!from) throw new OutriderError("no_base", `${base} holds no whole pack; run \`outrider prepare\` first`);
  const there = await wholePack(directory);
  // Stage entries in a header are the stages themselves, so equal text means equal work on equal input.
  const wanted = JSON.stringify([...from.recipe, ...recipe.stages]);
  if (there && there.model === recipe.model && JSON.stringify(there.recipe) === wanted) return there;
  return replacePack(runStages(await readPack(openDirectory(base)), recipe), directory);
}

/** Writes a pack where another one may have been. */
export async function replacePack(model: PackedModel, directory: string): Promise<PackHeader> {
  await rm(directory, { recursive: true, force: true });
  return writePack(model, directorySink(directory));
}

/** The header of the pack in `directory` if it and every shard are whole, else undefined. */
export async function wholePack(directory: string): Promise<PackHeader | undefined> {
  try {
    await using file = await FileSource.open(path.join(directory, "pack.json"));
    const header = readPackHeader(await readText(file, MAX_HEADER_BYTES));
    const shards = shardReader(directory, header);
    for (let index = 0; index < header.shards.length; index++) for await (const _ of shards(index));
    return header;
  } catch (error) {
    if (error instanceof OutriderError) return undefined;
    throw error;
  }
}
