/**
 * The form of a recipe: the model it starts from, and its stages in order. Recipes are TypeScript modules of data
 * (`models/<name>/recipe.ts`). The header of a pack records what was done.
 */
import * as z from "zod";
import { type Drafting, draftingSchema, modelIdSchema } from "../../core/format/pack-header.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { BLOCK_FORMATS } from "../../core/model/formats.ts";
import type { Activations } from "./stages/activations.ts";
import type { Magnitude, SparseGpt, Wanda } from "./stages/layerwise.ts";
import type { LlmPruner } from "./stages/llm-pruner.ts";
import type { PruneDepth } from "./stages/prune-depth.ts";
import type { Quantise } from "./stages/quantise.ts";
import type { ShortenedLlama } from "./stages/shortened-llama.ts";
import type { Skew } from "./stages/skew.ts";
import type { SqueezeLlm } from "./stages/squeezellm.ts";
import type { TrimVocabulary } from "./stages/trim-vocabulary.ts";

export type Stage =
  | PruneDepth
  | TrimVocabulary
  | Quantise
  | Activations
  | Magnitude
  | Wanda
  | SparseGpt
  | SqueezeLlm
  | LlmPruner
  | ShortenedLlama
  | Skew;

export interface Recipe {
  /** Id of the model it makes, as clients and the wire name it. */
  readonly model: string;
  /**
   * The known pair whose target it starts from, or the folder of `models/` whose pack it does. A recipe that starts
   * from a checkpoint, such as one that `models/distil` taught, has none.
   */
  readonly base?: string | undefined;
  readonly stages: readonly Stage[];
  /** What was measured of the draft and its target, for the pack's header. */
  readonly drafting?: Drafting | undefined;
  /**
   * How much of the calibration text its stages use: the first windows, and the first tokens of each; all when absent.
   */
  readonly windows?: number | undefined;
  readonly tokens?: number | undefined;
}

const share = z.number().min(0).max(1);
const pattern = z.discriminatedUnion("per", [
  z.strictObject({ per: z.literal("matrix"), sparsity: share }),
  z.strictObject({ per: z.literal("row"), sparsity: share }),
  z.strictObject({ per: z.literal("group"), zeros: z.int().positive(), of: z.int().positive() }),
]);

const folder = z.string().regex(/^[\w-][\w.-]*$/, "must be the name of a folder of models/");

const recipeSchema = z.strictObject({
  model: modelIdSchema,
  base: folder.optional(),
  stages: z
    .array(
      z.discriminatedUnion("stage", [
        z.strictObject({ stage: z.literal("prune-depth"), keep: z.array(z.int().nonnegative()).min(1) }),
        z.strictObject({
          stage: z.literal("trim-vocabulary"),
          keep: z.int().positive(),
          by: z.enum(["frequency", "rank"]),
        }),
        z.strictObject({
          stage: z.literal("quantise"),
          tensors: z.enum(["blocks", "vocabulary"]),
          format: z.enum(BLOCK_FORMATS),
          down: z.enum(BLOCK_FORMATS).optional(),
          values: z.enum(BLOCK_FORMATS).optional(),
        }),
        z.strictObject({ stage: z.literal("activations"), bits: z.literal([8, 14]) }),
        z.strictObject({ stage: z.literal("magnitude"), pattern }),
        z.strictObject({ stage: z.literal("wanda"), pattern }),
        z.strictObject({ stage: z.literal("sparsegpt"), pattern }),
        z.strictObject({ stage: z.literal("squeezellm"), bits: z.literal([3, 4]), sensitive: share, outlying: share }),
        z.strictObject({
          stage: z.literal("llm-pruner"),
          attention: share,
          mlp: share,
          blocks: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
        }),
        z.strictObject({
          stage: z.literal("shortened-llama"),
          criterion: z.enum(["perplexity", "acceptance", "taylor", "influence"]),
          remove: z.int().positive(),
          plus: z.boolean(),
        }),
        z.strictObject({ stage: z.literal("skew"), channels: z.int().positive() }),
      ]),
    )
    .min(1),
  drafting: draftingSchema.optional(),
  windows: z.int().positive().optional(),
  tokens: z.int().min(2).optional(),
});

/** Checks a recipe that came from `file`. Throws `bad_recipe` naming the field at fault. */
export function parseRecipe(value: unknown, file: string): Recipe {
  const parsed = recipeSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const where = issue.path.length > 0 ? issue.path.join(".") : "the default export";
  throw new OutriderError("bad_recipe", `${file}: ${where}: ${issue.message}`);
}
