/** The largest draft of SmolLM2-135M-Instruct, from a checkpoint that `models/distil/` taught: twenty blocks in four bits. README.md has the steps. */
import type { Recipe } from "../../src/compress/recipe.ts";

export default {
  model: "smollm2-135m-draft-l",
  base: "smollm2-135m",
  stages: [
    { stage: "trim-vocabulary", keep: 12288, by: "frequency" },
    // Rows of the taught checkpoint hold sixteen values each, which the codebook keeps as they are.
    { stage: "quantise", tensors: "blocks", format: "lut4" },
    { stage: "quantise", tensors: "vocabulary", format: "lut4" },
    { stage: "activations", bits: 8 },
  ],
} satisfies Recipe;
