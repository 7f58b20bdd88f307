/** `outrider squeeze`: a recipe over a model, measured on a text where the recipe wants one; a pack, and a checkpoint if asked for. */
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { directorySink, FileSource, openDirectory } from "../format/disk.ts";
import type { PackedModel } from "../format/pack.ts";
import { readPack } from "../format/pack-reader.ts";
import { OutriderError } from "../model/errors.ts";
import { Tokenizer } from "../model/tokenizer.ts";
import { Calibrator } from "./calibrate/calibrator.ts";
import { Pool } from "./calibrate/pool.ts";
import { exportHuggingFace } from "./export-hf.ts";
import { modelId } from "./model-id.ts";
import { replacePack, runStages } from "./pipeline.ts";
import { parseRecipe } from "./recipe.ts";
import { type NamedRecipe, RECIPES } from "./recipes.ts";
import { sayPack } from "./say.ts";
import { importGguf } from "./stages/import.ts";
import { readWindows } from "./windows.ts";

export const SQUEEZE_HELP = `usage: outrider squeeze models/NAME/recipe.ts
       outrider squeeze --model GGUF|PACK --recipe FILE|NAME --calibration TEXT|JSONL --out DIRECTORY [options]

Makes the pack of a recipe beside it, from the pack of its base model; or applies a recipe to any Llama.

  --samples 128        windows of calibration text
  --length 512         tokens of each
  --export-hf DIR      also a Hugging Face checkpoint in f32, for transformers and what reads its format

Recipes by name: ${Object.keys(RECIPES).join(", ")}.`;

const TEXT = { type: "string" } as const;
const OPTIONS = {
  model: TEXT,
  recipe: TEXT,
  calibration: TEXT,
  samples: TEXT,
  length: TEXT,
  out: TEXT,
  "export-hf": TEXT,
  help: { type: "boolean" },
} as const;

interface Job {
  readonly model: string;
  readonly recipe: string;
  readonly calibration: string | undefined;
  readonly samples: number | undefined;
  readonly length: number | undefined;
  readonly out: string;
  readonly exportHf: string | undefined;
}

/** The second form. Throws `bad_option` for what it does not understand; rejects with what the recipe's stages throw. */
export async function squeezeModel(argv: string[]): Promise<void> {
  const job = parse(argv);
  if (!job) return console.log(SQUEEZE_HELP);
  const { stages, samples = 128, length = 512 } = await recipeOf(job.recipe);
  const model = await readModel(job.model);
  const id = `${model.model}-${path.basename(job.out)}`;
  const made = await calibrated(job, model, job.samples ?? samples, job.length ?? length, (calibration) =>
    runStages(model, { model: id, stages }, calibration),
  );
  sayPack(job.out, await replacePack(made, job.out));
  if (job.exportHf === undefined) return;
  await exportHuggingFace(made, directorySink(job.exportHf), "F32");
  console.error(`${job.exportHf}: Hugging Face checkpoint in f32`);
}

/** Runs `work` with a calibration on the job's text, or with none. */
async function calibrated<T>(
  { calibration }: Job,
  model: PackedModel,
  samples: number,
  length: number,
  work: (calibration: Calibrator | undefined) => Promise<T>,
): Promise<T> {
  if (calibration === undefined) return work(undefined);
  const tokenizer = new Tokenizer(model.tokenizer["tokenizer.json"]);
  const windows = await readWindows(calibration, tokenizer, 0, samples, length);
  await using pool = await Pool.open();
  return await work(new Calibrator(pool, windows));
}

async function recipeOf(recipe: string): Promise<NamedRecipe> {
  const named = Object.hasOwn(RECIPES, recipe) ? RECIPES[recipe] : undefined;
  if (named) return named;
  if (!recipe.endsWith(".ts")) throw bad(`no recipe is called ${recipe}`);
  const { default: value } = (await import(pathToFileURL(path.resolve(recipe)).href)) as { default?: unknown };
  return parseRecipe(value, recipe);
}

/** A pack, or a GGUF file turned into one in memory. */
export async function readModel(file: string): Promise<PackedModel> {
  if (!file.endsWith(".gguf")) return readPack(openDirectory(file));
  await using source = await FileSource.open(file);
  return await importGguf(source, modelId(file));
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
    samples: whole("--samples", values.samples, 1),
    length: whole("--length", values.length, 2),
    out,
    exportHf: values["export-hf"],
  };
}

function whole(name: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text) && Number(text) >= least) return Number(text);
  throw bad(`${name} is a whole number from ${least} on, not "${text}"`);
}

const bad = (message: string) => new OutriderError("bad_option", `${message}\n\n${SQUEEZE_HELP}`);
