/**
 * The Llama forward pass over the kernels, one screen, with what other architectures add. Letters as in
 * `model/config.ts`; T tokens of one timeline enter at position `position`. A token's values have the same bits
 * whatever T is (kernels/abi.ts). Touvron et al. 2023 (arXiv 2302.13971), grouped-query attention after Ainslie et al.
 * 2023 (arXiv 2305.13245).
 */

import { headBlockBytes, type Kernels } from "../kernels/abi.ts";
import { type Bytes, type Floats, floatsAfter } from "../kernels/address.ts";
import type { LlamaConfig } from "../model/config.ts";
import type { ActivationBits } from "../model/formats/format.ts";
import { embedRow, type Matrix, multiplyMatrix } from "./matrix.ts";
import type { Scratch } from "./memory-plan.ts";

/**
 * One layer's norms and matrices. A list of matrices is one matrix, its rows in as few pieces as their layouts allow.
 */
export interface Block {
  /** H */
  readonly heads: number;
  /** G */
  readonly kvHeads: number;
  /** F */
  readonly feedForward: number;
  /** (E) */
  readonly attentionNorm: Floats;
  /** ((H + 2G)·D, E) */
  readonly qkv: readonly Matrix[];
  /** (H·D), (G·D) and (G·D), of q, k and v, where the architecture has them. */
  readonly qkvBias?: readonly Floats[] | undefined;
  /** (D) and (D), of each head of q and of k, where the architecture has them. */
  readonly qkNorm?: { readonly q: Floats; readonly k: Floats } | undefined;
  /** (E, H·D) */
  readonly o: Matrix;
  /** (E) */
  readonly feedForwardNorm: Floats;
  /** (2F, E) */
  readonly gateUp: readonly Matrix[];
  /** (E, F) */
  readonly down: Matrix;
}

export interface Weights {
  /** (V, E) */
  readonly embedding: Matrix;
  /** L of them. */
  readonly blocks: readonly Block[];
  /** (E) */
  readonly norm: Floats;
  /** (V, E), the embedding itself when tied. */
  readonly head: Matrix;
  /** Bits of the activations that enter matrices. */
  readonly activations: ActivationBits;
}

/** Queries of T tokens, and where their attention goes. Strides are in floats. */
export interface Queries {
  readonly q: Floats;
  readonly stride: number;
  readonly out: Floats;
  readonly outStride: number;
}

/** Attention that chooses which keys it reads (infinigen/). */
export interface ChoosingAttention {
  /**
   * Attention of T tokens of one layer at `position` …, whose keys are in the pages already. `row` is the first one's
   * row in the pass, in which siblings follow the chain. The input of the layer is still in `x`; `act` may be
   * overwritten.
   */
  attend(layer: number, queries: Queries, T: number, position: number, row: number): void;
}

/**
 * Runs T tokens through the layers, writes their keys and values from `position` on, and leaves the logits of the last
 * `rows` tokens in scratch. The last tokens may be siblings: alternatives to a token of the chain before them.
 * `siblings` holds, for each, the index of the token that it replaces. A sibling attends to what that token attends
 * to, and to itself; its keys and values are not kept. `choosing` attends in place of the kernel that reads all keys.
 */
export function forward(
  kernels: Kernels,
  config: LlamaConfig,
  weights: Weights,
  scratch: Scratch,
  embeddingRows: readonly number[],
  position: number,
  rows: number,
  siblings: readonly number[],
  choosing?: ChoosingAttention,
): void {
  const { headSize: D, embedding: E, vocabulary: V, normEpsilon } = config;
  const { x, qkv, mixed, gateUp, act, rope, pageTable } = scratch;
  const T = embeddingRows.length;
  const chain = T - siblings.length;
  // A sibling's keys and values overwrite those of the token it replaces. From the last position to the first, all
  // positions before the sibling still hold the chain's.
  const lastFirst = siblings.map((index, s) => ({ index, row: chain + s })).sort((a, b) => b.index - a.index);
  const multiply = (m: Matrix, t: number, out: Floats, stride: number, accumulate: 0 | 1 = 0): void =>
    multiplyMatrix(kernels, m, weights.activations, act, t, out, stride, accumulate, scratch.matmul);
  const multiplyAll = (pieces: readonly Matrix[], out: Floats, stride: number): void => {
    let to = out;
    for (const piece of pieces) {
      multiply(piece, T, to, stride);
      to = floatsAfter(to, piece.rows);
    }
  };

  // x (T, E)
  for (let t = 0; t < T; t++) embedRow(kernels, weights.embedding, embeddingRows[t]!, floatsAfter(x, t * E));

  let layerOffset: Bytes = 0;
  for (const [layer, block] of weights.blocks.entries()) {
    const { heads: H, kvHeads: G, feedForward: F } = block;
    const width = (H + 2 * G) * D;
    const keys = floatsAfter(qkv, H * D);
    const values = floatsAfter(keys, G * D);
    kernels.rmsnormQuantise(x, block.attentionNorm, E, T, normEpsilon, act);
    multiplyAll(block.qkv, qkv, width); // q (T, H, D), k (T, G, D), v (T, G, D)
    for (const [n, bias] of block.qkvBias?.entries() ?? []) {
      kernels.addBias([qkv, keys, values][n]!, bias, n === 0 ? H * D : G * D, T, width);
    }
    if (block.qkNorm) {
      kernels.normHeads(qkv, block.qkNorm.q, H, D, T, width, normEpsilon);
      kernels.normHeads(keys, block.qkNorm.k, G, D, T, width, normEpsilon);
    }
    kernels.rope(qkv, H + G, D, T, width, rope); // keys follow the queries in a row
    /** `count` tokens from row t on, at positions `at` … at + count − 1. */
    const attend = (t: number, count: number, at: number): void => {
      const q = floatsAfter(qkv, t * width);
      const k = floatsAfter(keys, t * width);
      const v = floatsAfter(values, t * width);
      const out = floatsAfter(mixed, t * H * D);
      kernels.kvAppend(k, v, width, count, G, D, pageTable, layerOffset, at);
      if (choosing) choosing.attend(layer, { q, stride: width, out, outStride: H * D }, count, at, t);
      else kernels.attention(q, width, count, H, G, D, pageTable, layerOffset, at, out, H * D, scratch.attention);
    };
    attend(0, chain, position);
    for (const { index, row } of lastFirst) attend(row, 1, position + index);
    // The chain's keys and values, still in scratch, take their positions back.
    if (siblings.length > 0) kernels.kvAppend(keys, values, width, chain, G, D, pageTable, layerOffset, position);
    kernels.quantise(mixed, H * D, T, act);
    multiply(block.o, T, x, E, 1); // x += o · mixed

    kernels.rmsnormQuantise(x, block.feedForwardNorm, E, T, normEpsilon, act);
    multiplyAll(block.gateUp, gateUp, 2 * F); // gate (T, F), up (T, F)
    kernels.swigluQuantise(gateUp, F, T, act);
    multiply(block.down, T, x, E, 1); // x += down · (silu(gate) · up)
    layerOffset += G * headBlockBytes(D);
  }

  if (rows > 0) {
    kernels.rmsnormQuantise(floatsAfter(x, (T - rows) * E), weights.norm, E, rows, normEpsilon, act);
    multiply(weights.head, rows, scratch.logits, V); // logits (rows, V)
  }
}
