/** The last step to a draft's pack, from a checkpoint that `distil --quantise` has taught. */

import type { Drafting } from "../../core/format/pack-header.ts";
import type { Recipe } from "../compress/recipe.ts";
import { DRAFT_FORMATS, type DraftFormat } from "./shape.ts";

/**
 * How drafts draw that forward KL taught, and how far they are trusted.
 *
 * Those of 30 and 60 MB are kept most often at a sharpness of 1.4 to 1.8, at temperatures of 0.4, 0.8 and 1, and the
 * whole 0.5B loses nothing at 1.4. Acceptance as a loss teaches a draft sharpness of its own: the default draft of
 * SmolLM2, which had it, gains nothing here. At a sigma of 1.4 the two save more passes, with fewer steps, than at that
 * draft's 0.9. With lookup both save the most where a copy counts 0.3 to 0.5 times what they say (docs/record/log.md).
 */
export const BY_KL: Drafting = { sharpness: 1.5, sigma: 1.4, copyWeight: 0.4 };

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
    { stage: "quantise", tensors: "blocks", ...DRAFT_FORMATS[format].blocks },
    { stage: "quantise", tensors: "vocabulary", format: DRAFT_FORMATS[format].vocabulary },
    { stage: "activations", bits: 8 },
  ],
});
