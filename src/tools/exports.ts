/**
 * `outrider/tools`: making drafts and measuring them, as the commands `import`, `squeeze` and `eval` do. Progress goes
 * to stderr. They need Node, and all its cores.
 *
 * @example
 * await importFile("llama.gguf", "llama", "packs/llama");
 * const calibration = { file: "corpus.jsonl", samples: 128, length: 512 };
 * const recipe = RECIPES["acceptance-3"];
 * await squeezeModel({ model: "packs/llama", recipe, calibration, out: "packs/draft" });
 * const answers = { file: "corpus.jsonl", count: 64 };
 * for await (const figures of evaluate({ models: ["packs/draft"], answers, served: true, speed: true })) {
 *   console.log(figures);
 * }
 */

export type { PackHeader } from "../core/format/pack-header.ts";
export { OutriderError } from "../core/model/errors.ts";
export { importFile } from "./compress/import-file.ts";
export type { Recipe, Stage } from "./compress/recipe.ts";
export { type NamedRecipe, RECIPES } from "./compress/recipes.ts";
export { type CalibrationText, type SqueezeOptions, squeezeModel } from "./compress/squeeze.ts";
export { type Evaluation, evaluate } from "./evaluate/evaluate.ts";
export type { Figures } from "./evaluate/figures.ts";
