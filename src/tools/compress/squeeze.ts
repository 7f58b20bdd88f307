/**
 * Applies a recipe to a model, measured on a text where the recipe needs one. Makes a pack, and a checkpoint if asked
 * for.
 */
import { createHash } from "node:crypto";
import path from "node:path";
import type { PackedModel } from "../../core/format/pack.ts";
import type { PackHeader } from "../../core/format/pack-header.ts";
import { readPack } from "../../core/format/pack-reader.ts";
import type { DescribedTarget } from "../../core/format/target.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { Tokenizer } from "../../core/model/tokenizer.ts";
import { directorySink, openDirectory } from "../../core/platform/disk.ts";
import { readModel } from "../../core/platform/read-model.ts";
import { sampleAnswers } from "../text/target-text.ts";
import { readText } from "../text/text-file.ts";
import { cutWindows, tokensOf } from "../text/windows.ts";
import { Calibrator } from "./calibrate/calibrator.ts";
import { Journal } from "./calibrate/journal.ts";
import { Pool } from "./calibrate/threads/pool.ts";
import { exportHuggingFace } from "./export-hf.ts";
import { alreadyMade, runStages } from "./pipeline.ts";
import type { Recipe } from "./recipe.ts";
import type { NamedRecipe } from "./recipes.ts";
import { checkReplaceable, replacePack } from "./rounding/packable.ts";

export interface SqueezeOptions {
  /** A pack's directory, a GGUF file, or a Hugging Face checkpoint's directory; or what was read of one. */
  readonly model: string | PackedModel;
  readonly recipe: NamedRecipe & Partial<Pick<Recipe, "model" | "drafting">>;
  /** The directory of the pack that is made. */
  readonly out: string;
  /** The model that the result drafts for, if that is not the model it is made from. */
  readonly target?: Drafted | undefined;
  readonly calibration?: CalibrationText | undefined;
  /** A directory for a Hugging Face checkpoint in f32. */
  readonly exportHf?: string | undefined;
  /** Stops the work where it can go on later; the call then rejects with `stopped`. */
  readonly signal?: AbortSignal;
}

/** What a draft must know of its target. */
export type Drafted = NonNullable<PackHeader["target"]> & Pick<DescribedTarget, "tokenizer" | "vocabulary">;

export const draftedOf = ({ model, context, stopIds: eosIds, vocabulary, tokenizer }: DescribedTarget): Drafted => ({
  model,
  context,
  eosIds,
  vocabulary,
  tokenizer,
});

export interface CalibrationText {
  /** Text, or lines of JSON. */
  readonly file: string;
  /** At most so many windows, from the first. */
  readonly samples: number;
  /** Tokens of a window. */
  readonly length: number;
}

/**
 * Makes a pack and returns its header. A pack that needs no text and is already there is left alone. Partial results of
 * a calibrated run are kept in `OUT.unfinished` until it is done, and the next run goes on from there.
 */
export async function squeezeModel(options: SqueezeOptions): Promise<PackHeader> {
  const { recipe, out, calibration } = options;
  await checkReplaceable(out);
  const read = typeof options.model === "string" ? await readModel(options.model) : options.model;
  const model = options.target === undefined ? read : draftFor(read, options.target);
  const wanted = { ...recipe, model: recipe.model ?? `${model.model}-${path.basename(out)}` };
  const there = calibration === undefined ? await alreadyMade(model, wanted, out) : undefined;
  if (there) {
    if (options.exportHf !== undefined) await exportCheckpoint(await readPack(openDirectory(out)), options.exportHf);
    return there;
  }
  const run = (calibrator?: Calibrator) => runStages(model, wanted, calibrator);
  const made = await (calibration === undefined ? run() : calibrated(options, calibration, model, run));
  const header = await replacePack(made, out);
  if (options.exportHf !== undefined) await exportCheckpoint(made, options.exportHf);
  return header;
}

const exportCheckpoint = (model: PackedModel, directory: string): Promise<void> =>
  exportHuggingFace(model, directorySink(directory), "F32");

/**
 * Makes a model a draft of another model than the one it was cut from. The edge renders chats by the pack's template,
 * so the pack has the target's tokenizer files. Throws `bad_target` if their vocabularies differ.
 */
function draftFor(model: PackedModel, { vocabulary, tokenizer, ...target }: Drafted): PackedModel {
  if (model.vocabulary.hash !== vocabulary.hash) {
    throw new OutriderError(
      "bad_target",
      `${model.model} has other tokens than ${target.model}, so it cannot draft for it; only a checkpoint with the ` +
        "target's own tokenizer can",
    );
  }
  return { ...model, tokenizer, target };
}

/** Runs the stages on the text's windows. */
async function calibrated(
  { recipe, out, signal }: SqueezeOptions,
  { file, samples, length }: CalibrationText,
  model: PackedModel,
  run: (calibrator: Calibrator) => Promise<PackedModel>,
): Promise<PackedModel> {
  const tokenizer = new Tokenizer(model.tokenizer["tokenizer.json"]);
  const text = await readText(file);
  const tokens = tokensOf(text, tokenizer);
  const whole = cutWindows(file, tokens, 0, Math.min(samples, recipe.windows ?? samples), length);
  const windows = whole.map((window) => window.slice(0, recipe.tokens));
  console.error(`calibration: ${windows.length} windows of ${windows[0]!.length} tokens of ${path.basename(file)}`);
  const answered = sampleAnswers(text);
  const journal = await Journal.open(`${out}.unfinished`, fingerprint(model, recipe, [windows, answered]));
  if (journal.goesOn) console.error(`going on from ${out}.unfinished`);
  signal?.addEventListener("abort", () => journal.stop());
  await using pool = await Pool.open();
  const made = await run(new Calibrator(pool, { windows, answered, tokens }, journal));
  await journal.discard();
  const gigabytes = (pool.arena.bytes / 1e9).toFixed(1);
  console.error(`memory: ${gigabytes} GB shared by ${pool.threads} threads, of at most 4.3 GB`);
  return made;
}

/** Hash of everything that the stages' results depend on. */
function fingerprint(model: PackedModel, { stages }: NamedRecipe, calibration: readonly object[]): string {
  const hash = createHash("sha256").update(JSON.stringify([model.recipe, stages, calibration]));
  for (const { bytes } of model.tensors.values()) hash.update(bytes);
  return hash.digest("hex");
}
