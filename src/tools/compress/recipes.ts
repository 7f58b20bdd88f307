/**
 * Recipes by name, one for each paper and setting, for any Llama: `outrider squeeze NAME`. `acceptance-3` chooses
 * blocks by our own criterion, `draft-front-mlp-20-w4` combines two papers. Embedding and head stay as they are.
 */
import type { Recipe } from "./recipe.ts";

export type NamedRecipe = Pick<Recipe, "stages" | "windows" | "tokens">;

const row = (sparsity: number) => ({ per: "row", sparsity }) as const;
const matrix = (sparsity: number) => ({ per: "matrix", sparsity }) as const;
const group = (zeros: number, of: number) => ({ per: "group", zeros, of }) as const;

/** Fisher's information: the first 100 windows. */
const squeezeLlm = (bits: 3 | 4, sensitive: number, outlying: number): NamedRecipe => ({
  stages: [{ stage: "squeezellm", bits, sensitive, outlying }],
  windows: 100,
});

/** Ten samples of 128 tokens, as in the paper. */
const llmPruner = (attention: number, mlp: number): NamedRecipe => ({
  stages: [{ stage: "llm-pruner", attention, mlp, blocks: [3, 27] }],
  windows: 10,
  tokens: 128,
});

const shortened = (criterion: "perplexity" | "acceptance" | "taylor", remove: number): NamedRecipe => ({
  stages: [{ stage: "shortened-llama", criterion, remove, plus: criterion === "taylor" }],
  windows: 10,
  tokens: 128,
});

export const RECIPES: Readonly<Record<string, NamedRecipe>> = {
  "magnitude-50": { stages: [{ stage: "magnitude", pattern: matrix(0.5) }] },
  "wanda-50": { stages: [{ stage: "wanda", pattern: row(0.5) }] },
  "wanda-2-4": { stages: [{ stage: "wanda", pattern: group(2, 4) }] },
  "sparsegpt-50": { stages: [{ stage: "sparsegpt", pattern: matrix(0.5) }] },
  "sparsegpt-2-4": { stages: [{ stage: "sparsegpt", pattern: group(2, 4) }] },
  "squeezellm-w4": squeezeLlm(4, 0, 0),
  "squeezellm-w3": squeezeLlm(3, 0, 0),
  "squeezellm-w4-s45": squeezeLlm(4, 0.0005, 0.004),
  "squeezellm-w3-s45": squeezeLlm(3, 0.0005, 0.004),
  "llm-pruner-mlp-20": llmPruner(0, 0.2),
  "llm-pruner-third": llmPruner(1 / 3, 1 / 3),
  "shortened-ppl-6": shortened("perplexity", 6),
  "shortened-taylor-6": shortened("taylor", 6),
  "acceptance-3": shortened("acceptance", 3),
  // A draft, to be calibrated on text of the target. The savings of a narrower shape and of codebooks multiply.
  "draft-front-mlp-20-w4": {
    ...squeezeLlm(4, 0, 0),
    // Structure is pruned first, so that the Fisher information is that of the weights that are rounded.
    stages: [...llmPruner(0, 0.2).stages, ...squeezeLlm(4, 0, 0).stages],
  },
};
