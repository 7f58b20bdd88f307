/** `outrider squeeze`: a small draft out of a model. */
import path from "node:path";
import { isRecipeFile, readRecipe } from "../compress/recipe-file.ts";
import { RECIPES } from "../compress/recipes.ts";
import { draftedOf, squeezeModel } from "../compress/squeeze.ts";
import { knownPairs } from "../obtain/pair.ts";
import { suggestion } from "./closest.ts";
import { command } from "./command.ts";
import { printPack } from "./made.ts";
import { targetOf } from "./named-model.ts";
import { one, text, usage, whole } from "./options.ts";
import { MODELS, targetPack } from "./prepare.ts";

export const squeezeCommand = command({
  examples: [
    [
      "outrider squeeze wanda-2-4 --model llama.gguf --calibration text.txt --out draft",
      "a recipe by its name, on any Llama, measured on the first windows of a text",
    ],
    [
      "outrider squeeze acceptance-3 --model llama-pack --calibration corpus.jsonl --out draft",
      "chooses the blocks by what the target wrote: lines that `outrider corpus` made",
    ],
    ["outrider squeeze models/my-draft/recipe.ts", "a recipe of your own: its pack beside it, from its base's pack"],
  ],
  positionals: { recipe: one("RECIPE", "a name from the list below, or a module whose default export is a recipe") },
  options: {
    model: text(
      "MODEL",
      "what the draft is made from: a pack, a GGUF file, or a Hugging Face folder with its tokenizer. A module's " +
        "default is its base: a known pair's target, or ../BASE/pack",
    ),
    out: text("DIRECTORY", "where the pack goes. A module's default is the folder pack beside it"),
    calibration: text("FILE", "text, or lines of JSON, that the recipe measures the model on"),
    samples: whole("windows of calibration text, from its first; a recipe that wants fewer takes the first of them", {
      from: 1,
      default: 128,
    }),
    length: whole("tokens of each window; a recipe that wants fewer takes the first of each", {
      from: 2,
      default: 512,
    }),
    target: text(
      "MODEL",
      "what the result drafts for, if that is not what it is made from: a taught checkpoint drafts for its teacher. A " +
        "pair's name, a pack, a GGUF file, or a Hugging Face folder",
    ),
    exportHf: text("DIRECTORY", "also writes a Hugging Face checkpoint in f32, for transformers"),
  },
  notes: `Ctrl-C stops it where it can go on: the same command continues from there. A vocabulary that is trimmed by
frequency counts all of the calibration text. acceptance-3 needs lines of {"prompt", "answer"} token
ids, as \`outrider corpus\` writes them.

Recipes: ${Object.keys(RECIPES).join(", ")}.`,
  async run({ recipe: name, samples, length, calibration, target, exportHf, ...given }) {
    if (!isRecipeFile(name) && !Object.hasOwn(RECIPES, name)) {
      const own = "a recipe of your own is a file that ends in .ts, .js or .mjs";
      throw usage(`no recipe is called ${name}${suggestion(name, Object.keys(RECIPES)) || `; ${own}`}`);
    }
    const recipe = await readRecipe(name);
    const beside = isRecipeFile(name) ? path.dirname(name) : undefined;
    const model = given.model ?? (beside && recipe.base && (await baseOf(recipe.base, beside)));
    const out = given.out ?? (beside && path.join(beside, "pack"));
    if (model === undefined || out === undefined) {
      throw usage(
        beside
          ? `${name} starts from a checkpoint that is not in the repository; name one with --model`
          : "a recipe by name needs --model MODEL and --out DIRECTORY",
      );
    }
    const stopping = new AbortController();
    const stop = (): void => {
      console.error("\nstopping when this part is done; once more to stop at once");
      stopping.abort();
    };
    process.once("SIGINT", stop);
    try {
      const header = await squeezeModel({
        model,
        recipe,
        out,
        target: target === undefined ? undefined : draftedOf((await targetOf(target)).target),
        exportHf,
        calibration: calibration === undefined ? undefined : { file: calibration, samples, length },
        signal: stopping.signal,
      });
      printPack(out, header);
      if (exportHf !== undefined) console.error(`${exportHf}: Hugging Face checkpoint in f32`);
    } finally {
      process.off("SIGINT", stop);
    }
  },
});

/** The pack that a recipe in `folder` starts from: a known pair's target, or the pack of the folder BASE beside it. */
async function baseOf(base: string, folder: string): Promise<string> {
  const pair = knownPairs(MODELS).find(({ name }) => name === base);
  return pair ? targetPack(pair) : path.join(folder, "..", base, "pack");
}
