/** Hugging Face's `config.json` of a model, in and out. */
import { ARCHITECTURES, architectureOf, featuresOf } from "./architectures.ts";
import { checkConfig, type LlamaConfig } from "./config.ts";
import { OutriderError } from "./errors.ts";
import type { RopeScaling } from "./rope.ts";

type Json = Readonly<Record<string, unknown>>;

/** The fields of a Hugging Face `config.json` that describe a model; where blocks differ, those of the widest. */
export function configToHuggingFace(config: LlamaConfig): Record<string, unknown> {
  const { modelType, className } = architectureOf(config);
  const { ropeScaling } = config;
  return {
    architectures: [className],
    model_type: modelType,
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
    ...(ropeScaling && {
      rope_scaling: {
        rope_type: ropeScaling.type,
        factor: ropeScaling.factor,
        low_freq_factor: ropeScaling.lowTurns,
        high_freq_factor: ropeScaling.highTurns,
        original_max_position_embeddings: ropeScaling.originalContext,
      },
    }),
    rms_norm_eps: config.normEpsilon,
    tie_word_embeddings: config.tied,
    bos_token_id: config.bosId,
    eos_token_id: config.eosIds.length === 1 ? config.eosIds[0] : [...config.eosIds],
  };
}

/** Reads a Hugging Face `config.json`; throws `unsupported_model` naming what the forward pass does not compute. */
export function configFromHuggingFace(json: Json): LlamaConfig {
  const architecture = ARCHITECTURES.find(({ modelType }) => modelType === json.model_type);
  if (!architecture) {
    const known = ARCHITECTURES.map(({ modelType }) => modelType).join(", ");
    throw unsupported(
      `model_type is ${JSON.stringify(json.model_type)}; models of ${known} run here. ` +
        "With --draft none a target of any architecture is served",
    );
  }
  if (json.hidden_act !== undefined && json.hidden_act !== "silu") {
    throw unsupported(`hidden_act is ${JSON.stringify(json.hidden_act)}; only "silu" is supported`);
  }
  for (const name of ["attention_bias", "mlp_bias"]) {
    if (json[name] === true) throw unsupported(`${name} is true; only q, k and v may have a bias, as in qwen2`);
  }
  const number = (name: string): number => numberOf(json, name);
  const heads = number("num_attention_heads");
  const embedding = number("hidden_size");
  const eos = json.eos_token_id;
  // Checkpoints written by transformers 5 keep rope_theta in rope_parameters, older ones the rule in rope_scaling.
  const rope = { ...((json.rope_scaling ?? {}) as Json), ...((json.rope_parameters ?? {}) as Json) };
  const theta = json.rope_theta ?? rope.rope_theta;
  const ropeScaling = ropeScalingOf(rope);
  return checkConfig({
    layers: number("num_hidden_layers"),
    heads,
    kvHeads: typeof json.num_key_value_heads === "number" ? json.num_key_value_heads : heads,
    headSize: typeof json.head_dim === "number" ? json.head_dim : embedding / heads,
    embedding,
    feedForward: number("intermediate_size"),
    vocabulary: number("vocab_size"),
    context: Math.min(number("max_position_embeddings"), attentionWindow(json)),
    ropeTheta: typeof theta === "number" ? theta : 10000,
    ...(ropeScaling && { ropeScaling }),
    normEpsilon: number("rms_norm_eps"),
    tied: json.tie_word_embeddings === true,
    bosId: typeof json.bos_token_id === "number" ? json.bos_token_id : 0,
    eosIds: Array.isArray(eos) ? eos.filter((id) => typeof id === "number") : typeof eos === "number" ? [eos] : [],
    ...featuresOf(architecture),
  });
}

/**
 * Tokens that a token attends to at most, in the blocks with the shortest window. Up to that many, attention is the
 * full one, so a model with a sliding window runs exactly in a context that ends there.
 */
function attentionWindow({ sliding_window: window, use_sliding_window: used }: Json): number {
  return used !== false && typeof window === "number" ? window : Infinity;
}

function ropeScalingOf(rope: Json): RopeScaling | undefined {
  if (rope.partial_rotary_factor !== undefined && rope.partial_rotary_factor !== 1) {
    throw unsupported("RoPE turns a part of each head; only RoPE over whole heads is supported");
  }
  const type = rope.rope_type ?? rope.type ?? "default";
  if (type === "default") return undefined;
  if (type !== "llama3") {
    throw unsupported(`RoPE is scaled by ${JSON.stringify(type)}; only plain RoPE and "llama3" are supported`);
  }
  const number = (name: string): number => numberOf(rope, name);
  return {
    type,
    factor: number("factor"),
    lowTurns: number("low_freq_factor"),
    highTurns: number("high_freq_factor"),
    originalContext: number("original_max_position_embeddings"),
  };
}

function numberOf(json: Json, name: string): number {
  const value = json[name];
  if (typeof value === "number") return value;
  const what = value === undefined ? "missing" : "not a number";
  throw new OutriderError("invalid_config", `config.json: ${name} is ${what}`);
}

const unsupported = (message: string) => new OutriderError("unsupported_model", message);
