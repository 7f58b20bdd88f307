/** What makes the pack of a draft from a checkpoint that `distil.py --quantise lut4` has taught. */
import type { Recipe } from "../../src/compress/recipe.ts";

/** @param keep tokens that the draft can say, those that the calibration has most often: as many as were taught, or fewer */
export const taught = (model: string, keep: number): Recipe => ({
  model,
  base: "smollm2-135m",
  stages: [
    { stage: "trim-vocabulary", keep, by: "frequency" },
    // Rows of the taught checkpoint hold sixteen values each, which the codebook keeps as they are.
    { stage: "quantise", tensors: "blocks", format: "lut4" },
    { stage: "quantise", tensors: "vocabulary", format: "lut4" },
    { stage: "activations", bits: 8 },
  ],
});
