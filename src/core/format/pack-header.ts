/**
 * `pack.json`: what a pack holds, where each byte of it lies, and how it was made.
 *
 * A pack is a directory in Hugging Face layout:
 *
 *   pack.json                             this header
 *   config.json                           Hugging Face config of the model
 *   tokenizer.json, tokenizer_config.json the target's tokenizer and chat template, unchanged
 *   model-00001-of-0000N.safetensors      shards of at most 24 MiB, tensors as U8 in kernel layout (model/layouts.ts)
 *   model.safetensors.index.json          Hugging Face's index of tensor → shard
 *
 * A tensor larger than a shard is cut into parts, never within a block of 16 rows. In memory the parts of its blocks
 * lie end to end, and so do the parts of its table of outliers, in another place.
 */
import * as z from "zod";
import type { LlamaConfig } from "../model/config.ts";
import { hasControl } from "../model/control-characters.ts";
import type { ActivationBits } from "../model/formats/format.ts";
import { WEIGHT_FORMATS } from "../model/formats.ts";
import type { TensorLayout } from "../model/layouts.ts";
import { CONTROL_IN_ID } from "../model/model-id.ts";

export const PACK_VERSION = 2;
/** Under Cloudflare's 25 MiB limit for one static asset. */
export const SHARD_BYTES = 24 * 1024 * 1024;

export interface PackPart {
  /** Index into `shards`. */
  readonly shard: number;
  /** Bytes from the start of the shard file. */
  readonly offset: number;
  readonly bytes: number;
}

export interface PackTensor extends TensorLayout {
  readonly parts: readonly PackPart[];
}

export interface Drafting {
  /** σ of the errors of the draft's scores, in logits (draft/chances.ts). */
  readonly sigma?: number | undefined;
  /** What its logits are multiplied by before it draws over temperature 0; 1 when absent (draft/sharpness.ts). */
  readonly sharpness?: number | undefined;
  /** A copy from the conversation of this confidence is proposed without running the draft (draft/both.ts). */
  readonly copyConfidence?: number | undefined;
  /** What a copy counts beside the draft's own opinion (draft/pool.ts). */
  readonly copyWeight?: number | undefined;
  /** Which keys are held and read, such as "near:384" or "infinigen:0.2"; all when absent (draft/key-policy.ts). */
  readonly keeping?: string | undefined;
}

export const draftingSchema = z.strictObject({
  sigma: z.number().positive().optional(),
  sharpness: z.number().positive().optional(),
  copyConfidence: z.number().min(0).max(1).optional(),
  copyWeight: z.number().nonnegative().optional(),
  keeping: z.string().optional(),
});

export interface PackHeader {
  readonly version: typeof PACK_VERSION;
  /** Model id, as clients and the wire name it. */
  readonly model: string;
  readonly config: LlamaConfig;
  /** Size and hash of the token table; draft and target must agree on the hash. */
  readonly vocabulary: { readonly size: number; readonly hash: string };
  /** For a draft: the model it drafts for. */
  readonly target?: { readonly model: string; readonly context: number; readonly eosIds: readonly number[] };
  /**
   * For a draft with fewer rows (config.vocabulary) than the target has tokens (vocabulary.size): the target's id of
   * each row, rising; absent where the rows are the first ids.
   */
  readonly kept?: readonly number[] | undefined;
  /** For such a draft: for each id without a row, rising, the kept id whose embedding it is read from as input. */
  readonly substitutes?: readonly number[] | undefined;
  /** Bits of the activations that its matrices are multiplied by; 14 when absent. */
  readonly activations?: ActivationBits | undefined;
  /** For a draft: what was measured of this pair of draft and target; absent fields have defaults. */
  readonly drafting?: Drafting | undefined;
  readonly tensors: Readonly<Record<string, PackTensor>>;
  readonly shards: readonly { readonly file: string; readonly bytes: number; readonly sha256: string }[];
  /** The stages that made this pack, in order; `found` holds what a stage chose by its calibration text. */
  readonly recipe: readonly Record<string, unknown>[];
}

const FACTS = [
  "model",
  "config",
  "vocabulary",
  "target",
  "kept",
  "substitutes",
  "activations",
  "drafting",
] as const satisfies readonly (keyof PackHeader)[];

/** The fields that the header of a pack shares with the model in memory (pack.ts). */
export type PackFacts = Pick<PackHeader, (typeof FACTS)[number]>;

/** These fields of `from` and no others, in the order in which `pack.json` has them. Absent ones stay absent. */
export const packFacts = (from: PackFacts): PackFacts =>
  Object.fromEntries(FACTS.filter((name) => from[name] !== undefined).map((name) => [name, from[name]])) as PackFacts;

/** Bytes of all shards. */
export const packBytes = ({ shards }: PackHeader): number => shards.reduce((sum, { bytes }) => sum + bytes, 0);

/** A model's id, as packs and recipes name it. */
export const modelIdSchema = z
  .string()
  .min(1)
  .refine((id) => !hasControl(id), CONTROL_IN_ID);

type Named = Pick<PackHeader, "model" | "config" | "target">;

/** A model as what another one drafts for. */
const asTarget = ({ model, config: { context, eosIds } }: Named): NonNullable<PackHeader["target"]> => ({
  model,
  context,
  eosIds,
});

/** What a model drafts for; itself, where it is nobody's draft. */
export const targetOf = (model: Named): NonNullable<PackHeader["target"]> => model.target ?? asTarget(model);

const count = z.int().nonnegative();

export const packHeaderSchema: z.ZodType<PackHeader> = z.object({
  version: z.literal(PACK_VERSION),
  model: modelIdSchema,
  config: z.object({
    layers: count,
    heads: count,
    kvHeads: count,
    headSize: count,
    embedding: count,
    feedForward: count,
    vocabulary: count,
    context: count,
    ropeTheta: z.number(),
    ropeScaling: z
      .object({
        type: z.literal("llama3"),
        factor: z.number(),
        lowTurns: z.number(),
        highTurns: z.number(),
        originalContext: z.number(),
      })
      .optional(),
    normEpsilon: z.number(),
    tied: z.boolean(),
    bosId: count,
    eosIds: z.array(count),
    qkvBias: z.literal(true).optional(),
    qkNorm: z.literal(true).optional(),
    skew: count.optional(),
    widths: z.array(z.object({ kvHeads: count, feedForward: count })).optional(),
  }),
  vocabulary: z.object({ size: count, hash: z.string() }),
  target: z.object({ model: modelIdSchema, context: count, eosIds: z.array(count) }).optional(),
  kept: z.array(count).optional(),
  substitutes: z.array(count).optional(),
  activations: z.literal([8, 14]).optional(),
  drafting: draftingSchema.optional(),
  tensors: z.record(
    z.string(),
    z.object({
      format: z.enum(WEIGHT_FORMATS),
      rows: count,
      cols: count,
      outliers: z.object({ count, bytes: count }).optional(),
      parts: z.array(z.object({ shard: count, offset: count, bytes: count })),
    }),
  ),
  shards: z.array(z.object({ file: z.string(), bytes: count, sha256: z.string().regex(/^[0-9a-f]{64}$/) })),
  recipe: z.array(z.record(z.string(), z.unknown())),
});
