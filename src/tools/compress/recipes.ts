/**
 * Recipes by name, one for each paper and setting, for any Llama: `outrider squeeze NAME`. `acceptance-*` chooses
 * blocks by our own criterion, `draft-front-*` combines papers. Embedding and head stay as they are.
 */
import type { Recipe, Stage } from "./recipe.ts";

export type NamedRecipe = Pick<Recipe, "stages" | "windows" | "tokens">;

const row = (sparsity: number) => ({ per: "row", sparsity }) as const;
const matrix = (sparsity: number) => ({ per: "matrix", sparsity }) as const;
const group = (zeros: number, of: number) => ({ per: "group", zeros, of }) as const;

/** Fisher's information: the first 100 windows. */
const squeezeLlm = (bits: 3 | 4, sensitive: number, outlying: number): NamedRecipe => ({
  stages: [{ stage: "squeezellm", bits, sensitive, outlying }],
  windows: 100,
});

/** Structure is pruned first, so that the Fisher information is that of the weights that are rounded. */
const thenSqueezed = (bits: 3 | 4, ...stages: Stage[]): NamedRecipe => ({
  ...squeezeLlm(bits, 0, 0),
  stages: [...stages, ...squeezeLlm(bits, 0, 0).stages],
});

const withoutBlocks = (remove: number): Stage => ({
  stage: "shortened-llama",
  criterion: "acceptance",
  remove,
  plus: false,
});

/** LLM-Pruner's first and last blocks that may lose channels are those of 30 blocks. */
const narrowed = (mlp: number, last: number): Stage => ({
  stage: "llm-pruner",
  attention: 0,
  mlp,
  blocks: [3, last],
  salience: "first",
  aggregation: "sum",
  steps: 1,
});

/** Ten samples of 128 tokens, as in the paper. */
const llmPruner = (attention: number, mlp: number): NamedRecipe => ({
  stages: [
    {
      stage: "llm-pruner",
      attention,
      mlp,
      blocks: [3, 27],
      salience: "first",
      aggregation: "sum",
      steps: 1,
    },
  ],
  windows: 10,
  tokens: 128,
});

type Criterion = "perplexity" | "acceptance" | "taylor" | "magnitude";

const shortened = (criterion: Criterion, remove: number): NamedRecipe => ({
  stages: [{ stage: "shortened-llama", criterion, remove, plus: criterion === "taylor" || criterion === "magnitude" }],
  windows: 10,
  tokens: 128,
});

const shortenedBy = (name: string, criterion: Criterion) =>
  Object.fromEntries([3, 6, 10].map((remove) => [`${name}-${remove}`, shortened(criterion, remove)]));

export const RECIPES: Readonly<Record<string, NamedRecipe>> = {
  "magnitude-50": { stages: [{ stage: "magnitude", pattern: matrix(0.5) }] },
  "wanda-50": { stages: [{ stage: "wanda", pattern: row(0.5) }] },
  "wanda-2-4": { stages: [{ stage: "wanda", pattern: group(2, 4) }] },
  "wanda-4-8": { stages: [{ stage: "wanda", pattern: group(4, 8) }] },
  "owl-wanda-50": { stages: [{ stage: "wanda", pattern: row(0.5), owl: { times: 5, reach: 0.08 } }] },
  "sparsegpt-50": { stages: [{ stage: "sparsegpt", pattern: matrix(0.5) }] },
  "sparsegpt-2-4": { stages: [{ stage: "sparsegpt", pattern: group(2, 4) }] },
  "sparsegpt-4-8": { stages: [{ stage: "sparsegpt", pattern: group(4, 8) }] },
  "sparsegpt-50-w4": { stages: [{ stage: "sparsegpt", pattern: matrix(0.5), bits: 4 }] },
  "gptq-w4": { stages: [{ stage: "gptq", bits: 4, actOrder: true }] },
  "gptq-w3": { stages: [{ stage: "gptq", bits: 3, actOrder: true }] },
  "squeezellm-w4": squeezeLlm(4, 0, 0),
  "squeezellm-w3": squeezeLlm(3, 0, 0),
  "squeezellm-w4-s45": squeezeLlm(4, 0.0005, 0.004),
  "squeezellm-w3-s45": squeezeLlm(3, 0.0005, 0.004),
  "llm-pruner-mlp-20": llmPruner(0, 0.2),
  "llm-pruner-mlp-30": llmPruner(0, 0.3),
  "llm-pruner-third": llmPruner(1 / 3, 1 / 3),
  ...shortenedBy("shortened-ppl", "perplexity"),
  ...shortenedBy("shortened-taylor", "taylor"),
  ...shortenedBy("shortened-mag", "magnitude"),
  ...shortenedBy("acceptance", "acceptance"),
  // Drafts, to be calibrated on text of the target. The savings of a smaller shape and of codebooks multiply. Measured
  // alone on WikiText by independent implementations, the share of the target's tokens that stays predicted is 90 % (4
  // bits), 77 % (3 bits), 79 % (three blocks fewer, or 20 % of the MLP), 70 % (six blocks fewer). Six blocks fewer:
  "draft-front-d6-w4": thenSqueezed(4, withoutBlocks(6)),
  "draft-front-d6-w3": thenSqueezed(3, withoutBlocks(6)),
  // About as many bytes, saved by channels of all blocks, and by both:
  "draft-front-mlp-20-w4": thenSqueezed(4, narrowed(0.2, 27)),
  "draft-front-d3-mlp-20-w4": thenSqueezed(4, withoutBlocks(3), narrowed(0.2, 24)),
  // Half of the columns of each 16 rows, which 128-bit kernels multiply as a matrix of half the size:
  "draft-front-8-16-w4": thenSqueezed(4, { stage: "wanda", pattern: { per: "block", keep: 8 } }),
};
