/** The model in the drafter's shape: what the draft's speed is measured on, whatever its words are worth. */
import type { Recipe } from "../../src/compress/recipe.ts";

export const CUT: Recipe = {
  model: "smollm2-135m-cut",
  base: "smollm2-135m",
  stages: [
    { stage: "prune-depth", keep: Array.from({ length: 12 }, (_, layer) => layer) },
    { stage: "trim-vocabulary", keep: 16384, by: "rank" },
    { stage: "quantise", tensors: "blocks", format: "lut4" },
    { stage: "quantise", tensors: "vocabulary", format: "lut4" },
    { stage: "activations", bits: 8 },
  ],
};
