/**
 * The commands that make models: arguments in, packs out, on the disk of the machine it runs on.
 *
 *   outrider prepare                          target and draft of SmolLM2-135M-Instruct, whatever of them is missing
 *   outrider import FILE.gguf DIRECTORY       one checkpoint → pack
 *   outrider squeeze models/NAME/recipe.ts    one recipe → models/NAME/pack
 */
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { FileSource } from "../format/disk.ts";
import type { PackHeader } from "../format/pack-header.ts";
import { OutriderError } from "../model/errors.ts";
import { fileSha256 } from "./model-store.ts";
import { obtainModel } from "./obtain.ts";
import { makePack, replacePack, wholePack } from "./pipeline.ts";
import { parseRecipe } from "./recipe.ts";
import { importGguf } from "./stages/import.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const MODELS = path.join(ROOT, "models");
const CACHE = path.join(ROOT, ".cache", "models");
const TARGET = "smollm2-135m";
const TARGET_ID = "smollm2-135m-instruct";
const DRAFT = "smollm2-135m-draft";

/** `outrider prepare`. */
export async function prepareCommand(argv: string[]): Promise<void> {
  parseArgs({ args: argv });
  await prepare();
}

/** `outrider import`. */
export async function importCommand(argv: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: { model: { type: "string" } },
  });
  const [file, directory, ...rest] = positionals;
  if (!file || !directory || rest.length > 0) {
    throw new OutriderError("usage", "usage: outrider import FILE.gguf DIRECTORY [--model ID]");
  }
  say(directory, await importFile(file, values.model ?? path.parse(file).name.toLowerCase(), directory));
}

/** `outrider squeeze`. */
export async function squeezeCommand(argv: string[]): Promise<void> {
  const { positionals } = parseArgs({ args: argv, allowPositionals: true });
  const [file, ...rest] = positionals;
  if (!file || rest.length > 0) throw new OutriderError("usage", "usage: outrider squeeze models/NAME/recipe.ts");
  const directory = path.join(path.dirname(path.resolve(file)), "pack");
  say(directory, await squeeze(path.resolve(file), directory));
}

/** The packs that the service runs on. Each is made only if it is missing, damaged, or not what its recipe says. */
export async function prepare(): Promise<{ target: string; draft: string }> {
  const target = path.join(MODELS, TARGET, "pack");
  if (!(await isImported(target))) {
    const { path: file } = await obtainModel(CACHE);
    say(target, await importFile(file, TARGET_ID, target));
  }
  const draft = path.join(MODELS, DRAFT, "pack");
  say(draft, await squeeze(path.join(MODELS, DRAFT, "recipe.ts"), draft));
  return { target, draft };
}

/** Whether `directory` holds a whole pack of the target; of the very file that OUTRIDER_GGUF names, where it names one. */
async function isImported(directory: string): Promise<boolean> {
  const header = await wholePack(directory);
  const file = process.env.OUTRIDER_GGUF;
  return header?.model === TARGET_ID && (!file || header.recipe[0]?.sha256 === (await fileSha256(file)));
}

async function importFile(file: string, model: string, directory: string): Promise<PackHeader> {
  await using source = await FileSource.open(file);
  const imported = await importGguf(source, model);
  const sha256 = await fileSha256(file);
  return replacePack({ ...imported, recipe: imported.recipe.map((entry) => ({ ...entry, sha256 })) }, directory);
}

async function squeeze(file: string, directory: string): Promise<PackHeader> {
  const { default: value } = (await import(pathToFileURL(file).href)) as { default?: unknown };
  const recipe = parseRecipe(value, path.relative(process.cwd(), file));
  return makePack(recipe, path.join(MODELS, recipe.base, "pack"), directory);
}

function say(directory: string, { model, config, shards }: PackHeader): void {
  const megabytes = shards.reduce((sum, shard) => sum + shard.bytes, 0) / 1e6;
  const where = path.relative(process.cwd(), directory);
  console.error(`${where}: ${model}, ${config.layers} layers, ${megabytes.toFixed(1)} MB`);
}
