/** The smallest draft of SmolLM2-135M-Instruct, from a checkpoint that `models/distil/` taught: four narrow blocks in four bits. README.md has the steps. */
import type { Recipe } from "../../src/compress/recipe.ts";

export default {
  model: "smollm2-135m-draft-s",
  base: "smollm2-135m",
  stages: [
    // Taught with 10,240; the rarest are left out, for ten megabytes in all.
    { stage: "trim-vocabulary", keep: 9888, by: "frequency" },
    // Rows of the taught checkpoint hold sixteen values each, which the codebook keeps as they are.
    { stage: "quantise", tensors: "blocks", format: "lut4" },
    { stage: "quantise", tensors: "vocabulary", format: "lut4" },
    { stage: "activations", bits: 8 },
  ],
} satisfies Recipe;
