/** The target in the shape of a draft, to measure the speed of such a shape; nothing depends on its words. */
import type { Recipe } from "../../src/tools/compress/recipe.ts";

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
