/**
 * The numbers that describe a Llama. The sizes of weights and caches follow from them.
 * The shape letters of the project: T tokens, L layers, H query heads, G key/value heads, D head size,
 * E embedding, F feed-forward, V vocabulary.
 */
import { OutriderError } from "./errors.ts";

/** Widths of one block where width pruning left blocks unequal. In every block H / G query heads share a key head. */
interface BlockWidth {
  readonly kvHeads: number;
  readonly feedForward: number;
}

export interface LlamaConfig {
  /** L */
  readonly layers: number;
  /** H */
  readonly heads: number;
  /** G; H is a multiple of G */
  readonly kvHeads: number;
  /** D */
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
  readonly normEpsilon: number;
  /** The head is the transposed embedding; there is no `lm_head.weight`. */
  readonly tied: boolean;
  readonly bosId: number;
  /** Tokens that end an answer. */
  readonly eosIds: readonly number[];
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

/** The fields of a Hugging Face `config.json` that describe a Llama; where blocks differ, those of the widest. */
export function configToHuggingFace(config: LlamaConfig): Record<string, unknown> {
  return {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    hidden_act: "silu",
    hidden_size: config.embedding,
    intermediate_size: config.feedForward,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headSize,
    vocab_size: config.vocabulary,
    max_position_embeddings: config.context,
    rope_theta: config.ropeTheta,
    rms_norm_eps: config.normEpsilon,
    tie_word_embeddings: config.tied,
    bos_token_id: config.bosId,
    eos_token_id: config.eosIds.length === 1 ? config.eosIds[0] : [...config.eosIds],
  };
}

/** Reads a Hugging Face `config.json`; throws `unsupported_model` for anything that is not a plain Llama. */
export function configFromHuggingFace(json: Record<string, unknown>): LlamaConfig {
  if (json.model_type !== "llama") {
    throw new OutriderError(
      "unsupported_model",
      `model_type is ${JSON.stringify(json.model_type)}; only "llama" models can be imported`,
    );
  }
  // Checkpoints written by transformers 5 keep rope_theta in rope_parameters.
  const rope = (json.rope_parameters ?? {}) as Record<string, unknown>;
  if (json.rope_scaling != null || (rope.rope_type !== undefined && rope.rope_type !== "default")) {
    throw new OutriderError("unsupported_model", "RoPE is scaled; only plain RoPE is supported");
  }
  if (json.hidden_act !== undefined && json.hidden_act !== "silu") {
    throw new OutriderError(
      "unsupported_model",
      `hidden_act is ${JSON.stringify(json.hidden_act)}; only "silu" is supported`,
    );
  }
  const theta = json.rope_theta ?? rope.rope_theta;
  const number = (name: string): number => {
    const value = json[name];
    if (typeof value !== "number") {
      throw new OutriderError(
        "invalid_config",
        `config.json: ${name} is ${value === undefined ? "missing" : "not a number"}`,
      );
    }
    return value;
  };
  const heads = number("num_attention_heads");
  const embedding = number("hidden_size");
  const eos = json.eos_token_id;
  return checkConfig({
    layers: number("num_hidden_layers"),
    heads,
    kvHeads: typeof json.num_key_value_heads === "number" ? json.num_key_value_heads : heads,
    headSize: typeof json.head_dim === "number" ? json.head_dim : embedding / heads,
    embedding,
    feedForward: number("intermediate_size"),
    vocabulary: number("vocab_size"),
    context: number("max_position_embeddings"),
    ropeTheta: typeof theta === "number" ? theta : 10000,
    normEpsilon: number("rms_norm_eps"),
    tied: json.tie_word_embeddings === true,
    bosId: typeof json.bos_token_id === "number" ? json.bos_token_id : 0,
    eosIds: Array.isArray(eos) ? eos.filter((id) => typeof id === "number") : typeof eos === "number" ? [eos] : [],
  });
}
