/** Sizes of one block over a window of T tokens, and where its weights and intermediate values lie. */
import type { LlamaConfig } from "../../../../core/model/config.ts";
import { type BlockSuffix, blockSuffixes, tensorShapes } from "../../../../core/model/tensors.ts";

/** Letters as in model/config.ts; W = (H + 2G) · D is the width of queries, keys and values together. */
export interface Shape {
  readonly T: number;
  readonly E: number;
  readonly F: number;
  readonly H: number;
  readonly G: number;
  readonly D: number;
  readonly W: number;
  readonly epsilon: number;
  /** What the architecture adds (model/architectures.ts). */
  readonly qkvBias: boolean;
  readonly qkNorm: boolean;
}

export function shapeOf(config: LlamaConfig, tokens: number): Shape {
  const { embedding: E, feedForward: F, heads: H, kvHeads: G, headSize: D, normEpsilon: epsilon } = config;
  const { qkvBias = false, qkNorm = false } = config;
  return { T: tokens, E, F, H, G, D, W: (H + 2 * G) * D, epsilon, qkvBias, qkNorm };
}

interface BlockMatrix {
  readonly rows: number;
  readonly cols: number;
  /** Floats before it within its block. */
  readonly offset: number;
}

/** A block's tensors as they lie in memory: end to end, so that q|k|v and gate|up are one matrix each. */
export function blockMatrices(config: LlamaConfig): { tensors: Record<BlockSuffix, BlockMatrix>; floats: number } {
  const shapes = tensorShapes({ ...config, layers: 1 });
  const tensors = {} as Record<BlockSuffix, BlockMatrix>;
  let floats = 0;
  for (const suffix of blockSuffixes(config)) {
    const { rows, cols } = shapes.find(({ name }) => name.endsWith(suffix))!;
    tensors[suffix] = { rows, cols, offset: floats };
    floats += rows * cols;
  }
  return { tensors, floats };
}

/** Addresses of a block's weights, or of their gradients. */
export interface BlockAddresses {
  readonly attentionNorm: number; // (E)
  readonly qkv: number; // (W, E)
  readonly qkvBias: number; // (W), where the architecture has one
  readonly queryNorm: number; // (D), where it has one
  readonly keyNorm: number; // (D)
  readonly o: number; // (E, H·D)
  readonly feedForwardNorm: number; // (E)
  readonly gateUp: number; // (2F, E)
  readonly down: number; // (E, F)
}

/** Addresses in a block whose first tensor is at `at`, in the order of `blockMatrices`. */
export function blockAddresses({ E, F, H, D, W, qkvBias: biased, qkNorm }: Shape, at: number): BlockAddresses {
  const qkv = at + 4 * E;
  const qkvBias = qkv + 4 * W * E;
  const queryNorm = qkvBias + (biased ? 4 * W : 0);
  const keyNorm = queryNorm + (qkNorm ? 4 * D : 0);
  const o = keyNorm + (qkNorm ? 4 * D : 0);
  const feedForwardNorm = o + 4 * E * H * D;
  const gateUp = feedForwardNorm + 4 * E;
  return { attentionNorm: at, qkv, qkvBias, queryNorm, keyNorm, o, feedForwardNorm, gateUp, down: gateUp + 8 * F * E };
}

/** Sizes in bytes of a block's intermediate values, by name. */
export function activationBytes({ T, E, F, H, G, D, W, qkNorm }: Shape) {
  return {
    attentionIn: 4 * T * E, // what q|k|v multiply
    bare: qkNorm ? 4 * T * (H + G) * D : 0, // queries and keys before their norm
    qkv: 4 * T * W, // after RoPE
    mixed: 4 * T * H * D, // what o multiplies
    middle: 4 * T * E, // the residual stream between attention and feed-forward
    feedForwardIn: 4 * T * E, // what gate|up multiply
    gateUp: 8 * T * F,
    act: 4 * T * F, // what down multiplies
  };
}

export type Activations = Record<keyof ReturnType<typeof activationBytes>, number>;

/** cos and sin (T, D / 2). */
export interface RopeTables {
  readonly cos: number;
  readonly sin: number;
}
