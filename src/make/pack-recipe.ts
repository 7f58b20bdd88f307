/** The last step to a draft's pack, from a checkpoint that `distil --quantise` has taught. */
import type { Recipe } from "../compress/recipe.ts";
import { DRAFT_FORMATS, type DraftFormat, VOCABULARY_FORMAT } from "./shape.ts";

/**
 * Trims to the tokens that were taught, and rounds to the formats that were taught. Rows of the checkpoint hold as many
 * values as the codebook, which keeps them exactly.
 *
 * @param keep rows of the vocabulary, the most frequent tokens of the calibration text; undefined: all
 */
export const packRecipe = (
  model: string,
  keep: number | undefined,
  format: DraftFormat,
): Pick<Recipe, "model" | "stages"> => ({
  model,
  stages: [
    ...(keep === undefined ? [] : [{ stage: "trim-vocabulary", keep, by: "frequency" } as const]),
    { stage: "quantise", tensors: "blocks", ...DRAFT_FORMATS[format] },
    { stage: "quantise", tensors: "vocabulary", format: VOCABULARY_FORMAT },
    { stage: "activations", bits: 8 },
  ],
});
