/**
 * The numbers that describe a Llama, and what its architecture adds (architectures.ts). The sizes of weights and caches
 * follow from them.
 * The shape letters of the project: T tokens, L layers, H query heads, G key/value heads, D head size,
 * E embedding, F feed-forward, V vocabulary.
 */
import { architectureOf, type Features } from "./architectures.ts";
import { OutriderError } from "./errors.ts";
import type { RopeScaling } from "./rope.ts";

/** Widths of one block where width pruning left blocks unequal. In every block H / G query heads share a key head. */
interface BlockWidth {
  readonly kvHeads: number;
  readonly feedForward: number;
}

export interface LlamaConfig extends Features {
  /** L */
  readonly layers: number;
  /** H */
  readonly heads: number;
  /** G; H is a multiple of G */
  readonly kvHeads: number;
  /** D; H · D need not be E */
  readonly headSize: number;
  /** E */
  readonly embedding: number;
  /** F */
  readonly feedForward: number;
  /** V */
  readonly vocabulary: number;
  /** Longest timeline the model was trained for, in tokens. */
  readonly context: number;
  readonly ropeTheta: number;
  /** Absent where the frequencies are the plain ones. */
  readonly ropeScaling?: RopeScaling | undefined;
  readonly normEpsilon: number;
  /** The head is the transposed embedding; there is no `lm_head.weight`. */
  readonly tied: boolean;
  readonly bosId: number;
  /** Tokens that end an answer. */
  readonly eosIds: readonly number[];
  /** Channels of the skew of each key/value head, where the model has one (methods/skew.ts). */
  readonly skew?: number | undefined;
  /** Widths of each block, where blocks differ; H, G and F are then those of the widest block. */
  readonly widths?: readonly BlockWidth[] | undefined;
}

/** H, G and F of one block. */
export function blockShape(config: LlamaConfig, layer: number): BlockWidth & { readonly heads: number } {
  const { kvHeads, feedForward } = config.widths?.[layer] ?? config;
  return { heads: kvHeads * (config.heads / config.kvHeads), kvHeads, feedForward };
}

/** Key/value heads of all blocks together: the memory of a token's keys and values is proportional to them. */
export const totalKvHeads = (config: LlamaConfig): number =>
  config.widths?.reduce((sum, { kvHeads }) => sum + kvHeads, 0) ?? config.layers * config.kvHeads;

/** Longer than any published model reads. A page table of a lying file's context must not fill the memory. */
const MAX_CONTEXT = 1 << 24;

/**
 * Throws `invalid_config` naming the field if the numbers cannot describe a Llama that the kernels run.
 * @param tokens number of token ids; more than the vocabulary for a draft with a trimmed one, whose ids are its
 * target's
 */
export function checkConfig(config: LlamaConfig, tokens: number = config.vocabulary): LlamaConfig {
  const sizes = [
    "layers",
    "heads",
    "kvHeads",
    "headSize",
    "embedding",
    "feedForward",
    "vocabulary",
    "context",
  ] as const;
  for (const name of sizes) {
    const value = config[name];
    if (!Number.isSafeInteger(value) || value <= 0) {
      throw new OutriderError("invalid_config", `${name} must be a positive whole number, got ${value}`);
    }
  }
  if (config.context > MAX_CONTEXT) {
    throw new OutriderError("invalid_config", `context is ${config.context}; the limit is ${MAX_CONTEXT} tokens`);
  }
  if (config.heads % config.kvHeads !== 0) {
    throw new OutriderError(
      "invalid_config",
      `${config.heads} query heads cannot share ${config.kvHeads} key/value heads`,
    );
  }
  // The attention kernel scores keys in groups of 32 channels, and every quantised format groups 32 columns.
  for (const name of ["headSize", "embedding", "feedForward"] as const) {
    if (config[name] % 32 !== 0) {
      throw new OutriderError("invalid_config", `${name} must be a multiple of 32, got ${config[name]}`);
    }
  }
  checkWidths(config);
  checkArchitecture(config);
  for (const name of ["ropeTheta", "normEpsilon"] as const) {
    if (!(config[name] > 0 && Number.isFinite(config[name]))) {
      throw new OutriderError("invalid_config", `${name} must be a positive number, got ${config[name]}`);
    }
  }
  for (const id of [config.bosId, ...config.eosIds]) {
    if (!Number.isSafeInteger(id) || id < 0 || id >= tokens) {
      throw new OutriderError("invalid_config", `token ${id} is not one of the ${tokens} of the vocabulary`);
    }
  }
  return config;
}

/** A model must be one that others can run too, so its features are those of an architecture. */
function checkArchitecture(config: LlamaConfig): void {
  architectureOf(config);
  const { ropeScaling } = config;
  if (!ropeScaling) return;
  const { factor, lowTurns, highTurns, originalContext } = ropeScaling;
  if (!(factor >= 1 && lowTurns > 0 && highTurns > lowTurns && originalContext > 0 && Number.isFinite(factor))) {
    throw new OutriderError("invalid_config", `ropeScaling ${JSON.stringify(ropeScaling)} stretches no frequencies`);
  }
}

function checkWidths({ widths, layers, kvHeads, feedForward }: LlamaConfig): void {
  if (widths && widths.length !== layers) {
    throw new OutriderError("invalid_config", `widths of ${widths.length} blocks for ${layers} layers`);
  }
  for (const [layer, width] of widths?.entries() ?? []) {
    const heads = Number.isInteger(width.kvHeads) && width.kvHeads > 0 && width.kvHeads <= kvHeads;
    const channels = width.feedForward > 0 && width.feedForward % 32 === 0 && width.feedForward <= feedForward;
    if (!heads || !channels) {
      throw new OutriderError(
        "invalid_config",
        `block ${layer}: ${width.kvHeads} key/value heads of ${kvHeads}, ` +
          `${width.feedForward} channels of ${feedForward}; channels are a multiple of 32`,
      );
    }
  }
}
