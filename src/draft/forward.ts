/**
 * The Llama forward pass over the kernels, one screen. Letters as in `model/config.ts`; T tokens of one timeline enter at
 * position `cache.tokens.length`. Every value a token yields is the same bits whatever T is (see `kernels/abi.ts`).
 * Touvron et al. 2023 (arXiv 2302.13971), grouped-query attention after Ainslie et al. 2023 (arXiv 2305.13245).
 */
import { headBlockBytes, type Kernels } from "../kernels/abi.ts";
import type { LlamaConfig } from "../model/config.ts";
import type { ActivationBits } from "../model/formats/format.ts";
import { embedRow, type Matrix, multiplyMatrix } from "./matrix.ts";
import type { Scratch } from "./memory-plan.ts";

/** Addresses of norms, and matrices; a list of these is one matrix, its rows in as few pieces as their layouts allow. */
export interface Block {
  /** H */ readonly heads: number;
  /** G */ readonly kvHeads: number;
  /** F */ readonly feedForward: number;
  readonly attentionNorm: number; // (E)
  readonly qkv: readonly Matrix[]; // ((H + 2G)·D, E)
  readonly o: Matrix; // (E, H·D)
  readonly feedForwardNorm: number; // (E)
  readonly gateUp: readonly Matrix[]; // (2F, E)
  readonly down: Matrix; // (E, F)
}

export interface Weights {
  readonly embedding: Matrix; // (V, E)
  readonly blocks: readonly Block[]; // L
  readonly norm: number; // (E)
  readonly head: Matrix; // (V, E), the embedding itself when tied
  /** Bits of the activations that enter matrices. */ readonly activations: ActivationBits;
}

/**
 * Runs T tokens through the layers, writes their keys and values at `position`, and leaves the last `rows` logits in scratch. The
 * last of these tokens may be siblings: `siblings` has of each which of the tokens it stands in for. It sees what that one sees,
 * and itself; its keys and values are not kept.
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
): void {
  const { headSize: D, embedding: E, vocabulary: V, normEpsilon } = config;
  const { x, qkv, mixed, gateUp, act, rope, pageTable } = scratch;
  const T = embeddingRows.length;
  const chain = T - siblings.length;
  // A sibling's keys and values take the place of its token's: from the last place to the first, all before it are still the chain's.
  const lastFirst = siblings.map((place, s) => ({ place, row: chain + s })).sort((a, b) => b.place - a.place);
  const multiply = (m: Matrix, t: number, out: number, stride: number, accumulate = 0): void =>
    multiplyMatrix(kernels, m, weights.activations, act, t, out, stride, accumulate, scratch.matmul);
  const multiplyAll = (pieces: readonly Matrix[], out: number, stride: number): void => {
    for (const piece of pieces) {
      multiply(piece, T, out, stride);
      out += piece.rows * 4;
    }
  };

  for (let t = 0; t < T; t++) embedRow(kernels, weights.embedding, embeddingRows[t] as number, x + t * E * 4); // x (T, E)

  let layerOffset = 0;
  for (const block of weights.blocks) {
    const { heads: H, kvHeads: G, feedForward: F } = block;
    const width = (H + 2 * G) * D;
    const keys = qkv + H * D * 4;
    const values = keys + G * D * 4;
    kernels.rmsnormQuantise(x, block.attentionNorm, E, T, normEpsilon, act);
    multiplyAll(block.qkv, qkv, width); // q (T, H, D), k (T, G, D), v (T, G, D)
    kernels.rope(qkv, H + G, D, T, width, rope); // keys follow the queries in a row
    const attend = (t: number, count: number, at: number): void => {
      const [row, out] = [t * width * 4, mixed + t * H * D * 4];
      kernels.kvAppend(keys + row, values + row, width, count, G, D, pageTable, layerOffset, at);
      kernels.attention(qkv + row, width, count, H, G, D, pageTable, layerOffset, at, out, H * D, scratch.attention);
    };
    attend(0, chain, position);
    for (const { place, row } of lastFirst) attend(row, 1, position + place);
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
    kernels.rmsnormQuantise(x + (T - rows) * E * 4, weights.norm, E, rows, normEpsilon, act);
    multiply(weights.head, rows, scratch.logits, V); // logits (rows, V)
  }
}
