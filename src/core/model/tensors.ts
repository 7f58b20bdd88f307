/** Names and shapes of a Llama's tensors, in Hugging Face's words, and the GGUF names of the same tensors. */
import type { Feature, Features } from "./architectures.ts";
import { blockShape, type LlamaConfig } from "./config.ts";

export interface TensorShape {
  readonly name: string;
  /** Output features; 1 for a bias and for a norm's weight vector. */
  readonly rows: number;
  /** Input features, the contiguous dimension. */
  readonly cols: number;
}

export const EMBEDDING = "model.embed_tokens.weight";
export const FINAL_NORM = "model.norm.weight";
export const HEAD = "lm_head.weight";
/** Suffix of a block's skew, (G, channels, D) as one row of f32, which no forward pass reads (methods/skew.ts). */
export const SKEW = "self_attn.skew";

/**
 * Tensors that a block may have, in the order the forward pass reads them; each entry is [suffix, GGUF suffix], and the
 * feature of the config that it belongs to. A bias has one row, as a norm's weight vector has, and is f32 as those are.
 */
export const BLOCK_TENSORS = [
  ["input_layernorm.weight", "attn_norm.weight"],
  ["self_attn.q_proj.weight", "attn_q.weight"],
  ["self_attn.k_proj.weight", "attn_k.weight"],
  ["self_attn.v_proj.weight", "attn_v.weight"],
  ["self_attn.q_proj.bias", "attn_q.bias", "qkvBias"],
  ["self_attn.k_proj.bias", "attn_k.bias", "qkvBias"],
  ["self_attn.v_proj.bias", "attn_v.bias", "qkvBias"],
  ["self_attn.q_norm.weight", "attn_q_norm.weight", "qkNorm"],
  ["self_attn.k_norm.weight", "attn_k_norm.weight", "qkNorm"],
  ["self_attn.o_proj.weight", "attn_output.weight"],
  ["post_attention_layernorm.weight", "ffn_norm.weight"],
  ["mlp.gate_proj.weight", "ffn_gate.weight"],
  ["mlp.up_proj.weight", "ffn_up.weight"],
  ["mlp.down_proj.weight", "ffn_down.weight"],
] as const satisfies readonly (readonly [string, string, Feature?])[];

/** Suffix of a block's tensor. */
export type BlockSuffix = (typeof BLOCK_TENSORS)[number][0];

/** Suffixes of the tensors that each block of a model with these features has. */
export const blockSuffixes = (features: Features): BlockSuffix[] =>
  BLOCK_TENSORS.flatMap(([suffix, , feature]) => (feature === undefined || features[feature] ? [suffix] : []));

/** The matrix to the values that attention mixes. */
export const VALUES = "self_attn.v_proj.weight" satisfies BlockSuffix;
/** The matrix from the MLP's channels back to the residual stream. */
export const DOWN = "mlp.down_proj.weight" satisfies BlockSuffix;

export const blockTensor = (layer: number, suffix: string): string => `model.layers.${layer}.${suffix}`;

/** Every tensor of the model, in the order a forward pass reads them. */
export function tensorShapes(config: LlamaConfig): TensorShape[] {
  const { embedding: E, vocabulary: V } = config;
  const all: TensorShape[] = [{ name: EMBEDDING, rows: V, cols: E }];
  for (let layer = 0; layer < config.layers; layer++) {
    const shapes = blockShapes(config, layer);
    for (const suffix of blockSuffixes(config)) {
      const [rows, cols] = shapes[suffix];
      all.push({ name: blockTensor(layer, suffix), rows, cols });
    }
    if (config.skew) {
      const cols = blockShape(config, layer).kvHeads * config.skew * config.headSize;
      all.push({ name: blockTensor(layer, SKEW), rows: 1, cols });
    }
  }
  all.push({ name: FINAL_NORM, rows: 1, cols: E });
  if (!config.tied) all.push({ name: HEAD, rows: V, cols: E });
  return all;
}

/** Rows and columns of the tensors of one block, by suffix. */
function blockShapes(config: LlamaConfig, layer: number): Record<BlockSuffix, readonly [number, number]> {
  const { embedding: E, headSize: D } = config;
  const { heads: H, kvHeads: G, feedForward: F } = blockShape(config, layer);
  return {
    "input_layernorm.weight": [1, E],
    "self_attn.q_proj.weight": [H * D, E],
    "self_attn.k_proj.weight": [G * D, E],
    "self_attn.v_proj.weight": [G * D, E],
    "self_attn.q_proj.bias": [1, H * D],
    "self_attn.k_proj.bias": [1, G * D],
    "self_attn.v_proj.bias": [1, G * D],
    "self_attn.q_norm.weight": [1, D],
    "self_attn.k_norm.weight": [1, D],
    "self_attn.o_proj.weight": [E, H * D],
    "post_attention_layernorm.weight": [1, E],
    "mlp.gate_proj.weight": [F, E],
    "mlp.up_proj.weight": [F, E],
    "mlp.down_proj.weight": [E, F],
  };
}

/** The GGUF name of a Hugging Face tensor name of a Llama. */
export function ggufName(name: string): string {
  if (name === EMBEDDING) return "token_embd.weight";
  if (name === FINAL_NORM) return "output_norm.weight";
  if (name === HEAD) return "output.weight";
  const match = /^model\.layers\.(\d+)\.(.+)$/.exec(name);
  const suffix = BLOCK_TENSORS.find(([ours]) => ours === match?.[2]);
  if (!match || !suffix) throw new Error(`no GGUF name for tensor ${name}`);
  return `blk.${match[1]}.${suffix[1]}`;
}
