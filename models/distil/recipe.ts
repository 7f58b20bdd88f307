/**
 * The last step to a draft's pack: from a checkpoint that `distil.py --quantise` has taught. The checkpoint is not in
 * the repository, so `outrider squeeze` needs it as `--model`; README.md has the steps that make one.
 */

import type { Drafting } from "../../src/core/format/pack-header.ts";
import type { Recipe } from "../../src/tools/compress/recipe.ts";
import { packRecipe } from "../../src/tools/make/pack-recipe.ts";
import type { DraftFormat } from "../../src/tools/make/shape.ts";

/** What the drafts of SmolLM2 were tuned with (docs/record/log.md). */
export const TUNED: Drafting = { sigma: 0.9, copyConfidence: 0.85, copyWeight: 0.4 };

/**
 * @param model id of the draft
 * @param keep size of the draft's vocabulary: the most frequent tokens of the calibration text, as many as were taught
 *   or fewer
 * @param format that the blocks were taught in
 * @param drafting how it drafts, where that was measured
 */
export const taught = (
  model: string,
  keep: number,
  format: DraftFormat = "lut4",
  drafting: Drafting = TUNED,
): Recipe => ({ ...packRecipe(model, keep, format), drafting });
