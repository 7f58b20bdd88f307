/** `outrider squeeze`: a recipe over a model, measured on a text where the recipe wants one; a pack, and a checkpoint if asked for. */

import { createHash } from "node:crypto";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Calibrator } from "../calibrate/calibrator.ts";
import { Journal } from "../calibrate/journal.ts";
import { Pool } from "../calibrate/threads/pool.ts";
import { exportHuggingFace } from "../compress/export-hf.ts";
import { runStages } from "../compress/pipeline.ts";
import { parseRecipe, type Recipe } from "../compress/recipe.ts";
import { type NamedRecipe, RECIPES } from "../compress/recipes.ts";
import type { PackedModel } from "../format/pack.ts";
import { asTarget, type PackHeader } from "../format/pack-header.ts";
import { OutriderError } from "../model/errors.ts";
import { Tokenizer } from "../model/tokenizer.ts";
import { directoryHeader, directorySink } from "../platform/disk.ts";
import { readModel } from "../platform/read-model.ts";
import { replacePack } from "../rounding/packable.ts";
import { sampleAnswers } from "../text/target-text.ts";
import { readTokens, readWindows } from "../text/windows.ts";
import { wholeOption } from "./number-options.ts";
import { sayPack } from "./say.ts";

export const SQUEEZE_HELP = `usage: outrider squeeze models/NAME/recipe.ts
       outrider squeeze --model MODEL --recipe FILE|NAME --calibration TEXT|JSONL --out DIRECTORY [options]

Makes the pack of a recipe beside it, from the pack of its base model; or applies a recipe to any Llama: a .gguf file, a
pack, or a Hugging Face checkpoint with its tokenizer. Stop it with Ctrl-C; the same command goes on from there.

  --target PACK        what the result drafts for, if that is not what it is made from: a taught checkpoint drafts for its
                       teacher
  --samples 128        windows of calibration text, from its first; a recipe that wants fewer takes the first of them, and
                       a vocabulary trimmed by frequency counts all of it
  --length 512         tokens of each; a recipe that wants fewer takes the first of each
  --export-hf DIR      also a Hugging Face checkpoint in f32, for transformers and what reads its format

acceptance-* and draft-front-d* choose blocks by what the target wrote: a calibration of lines of {"prompt", "answer"} token
ids, as \`outrider corpus\` makes them.

Recipes by name: ${Object.keys(RECIPES).join(", ")}.`;

const TEXT = { type: "string" } as const;
const OPTIONS = {
  model: TEXT,
  recipe: TEXT,
  calibration: TEXT,
  samples: TEXT,
  length: TEXT,
  out: TEXT,
  target: TEXT,
  "export-hf": TEXT,
  help: { type: "boolean" },
} as const;

interface Job {
  readonly model: string;
  readonly recipe: string;
  readonly calibration: string | undefined;
  readonly samples: number;
  readonly length: number;
  readonly out: string;
  readonly target: string | undefined;
  readonly exportHf: string | undefined;
}

/** The second form. Throws `bad_option` for what it does not understand; rejects with what the recipe's stages throw. */
export async function squeezeModel(argv: string[]): Promise<void> {
  const job = parse(argv);
  if (!job) return console.log(SQUEEZE_HELP);
  const recipe = await recipeOf(job.recipe);
  const read = await readModel(job.model);
  const model = job.target === undefined ? read : draftFor(read, await directoryHeader(job.target));
  const id = recipe.model ?? `${model.model}-${path.basename(job.out)}`;
  const run = (calibration?: Calibrator) => runStages(model, { model: id, stages: recipe.stages }, calibration);
  const made = await (job.calibration === undefined ? run() : calibrated(job, job.calibration, model, recipe, run));
  sayPack(job.out, await replacePack(made, job.out));
  if (job.exportHf === undefined) return;
  await exportHuggingFace(made, directorySink(job.exportHf), "F32");
  console.error(`${job.exportHf}: Hugging Face checkpoint in f32`);
}

/** A model as a draft of another than it was cut from. Throws `bad_target` where the two number other tokens. */
function draftFor(model: PackedModel, target: PackHeader): PackedModel {
  if (model.vocabulary.hash !== target.vocabulary.hash) {
    throw new OutriderError(
      "bad_target",
      `${model.model} has other tokens than ${target.model}, so it cannot draft for it; only a checkpoint with the target's own tokenizer can`,
    );
  }
  return { ...model, target: asTarget(target) };
}

/** Runs the stages on the text's windows. What they work out is kept beside the result until they are done. */
async function calibrated(
  { out, samples, length }: Job,
  text: string,
  model: PackedModel,
  recipe: NamedRecipe,
  run: (calibration: Calibrator) => Promise<PackedModel>,
): Promise<PackedModel> {
  const tokenizer = new Tokenizer(model.tokenizer["tokenizer.json"]);
  const whole = await readWindows(text, tokenizer, 0, Math.min(samples, recipe.windows ?? samples), length);
  const windows = whole.map((window) => window.slice(0, recipe.tokens));
  console.error(`calibration: ${windows.length} windows of ${windows[0]!.length} tokens of ${path.basename(text)}`);
  const answered = await sampleAnswers(text);
  const journal = await Journal.open(`${out}.unfinished`, fingerprint(model, recipe, [windows, answered]));
  if (journal.goesOn) console.error(`going on from ${out}.unfinished`);
  const stop = (): void => {
    console.error("\nstopping when this part is done; once more to stop at once");
    journal.stop();
  };
  process.once("SIGINT", stop);
  try {
    await using pool = await Pool.open();
    const made = await run(
      new Calibrator(pool, { windows, answered, tokens: () => readTokens(text, tokenizer) }, journal),
    );
    await journal.discard();
    console.error(`memory: ${gigabytes(pool.arena.bytes)} shared by ${pool.threads} threads, of at most 4.3 GB`);
    return made;
  } finally {
    process.off("SIGINT", stop);
  }
}

/** Of all that the stages' results depend on. */
function fingerprint(model: PackedModel, { stages }: NamedRecipe, calibration: readonly object[]): string {
  const hash = createHash("sha256").update(JSON.stringify([model.recipe, stages, calibration]));
  for (const { bytes } of model.tensors.values()) hash.update(bytes);
  return hash.digest("hex");
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

async function recipeOf(recipe: string): Promise<NamedRecipe & Partial<Pick<Recipe, "model">>> {
  const named = Object.hasOwn(RECIPES, recipe) ? RECIPES[recipe] : undefined;
  if (named) return named;
  if (!recipe.endsWith(".ts")) throw bad(`no recipe is called ${recipe}`);
  const { default: value } = (await import(pathToFileURL(path.resolve(recipe)).href)) as { default?: unknown };
  return parseRecipe(value, recipe);
}

function parse(argv: string[]): Job | undefined {
  let values: Partial<Record<Exclude<keyof typeof OPTIONS, "help">, string>> & { help?: boolean };
  try {
    ({ values } = parseArgs({ args: argv, options: OPTIONS }));
  } catch (cause) {
    throw bad((cause as Error).message);
  }
  if (values.help) return undefined;
  const { model, recipe, calibration, out } = values;
  if (model === undefined || recipe === undefined || out === undefined) {
    throw bad("--model, --recipe and --out are needed");
  }
  return {
    model,
    recipe,
    calibration,
    samples: wholeOption("--samples", values.samples ?? "128", 1),
    length: wholeOption("--length", values.length ?? "512", 2),
    out,
    target: values.target,
    exportHf: values["export-hf"],
  };
}

const bad = (message: string) => new OutriderError("bad_option", `${message}\n\n${SQUEEZE_HELP}`);
