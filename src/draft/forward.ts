/**
 * The Llama forward pass over the kernels, one screen. Letters as in `model/config.ts`; T tokens of one timeline enter at
 * position `cache.tokens.length`. Every value a token yields is the same bits whatever T is (see `kernels/abi.ts`).
 * Touvron et al. 2023 (arXiv 2302.13971), grouped-query attention after Ainslie et al. 2023 (arXiv 2305.13245).
 */
import { headBlockBytes, type Kernels } from "../kernels/abi.ts";
import type { Scratch } from "../kernels/arena.ts";
import type { LlamaConfig } from "../model/config.ts";
import type { WeightFormat } from "../model/layouts.ts";

export interface Matrix {
  readonly address: number;
  readonly format: WeightFormat;
  readonly rows: number;
  readonly cols: number;
}

export interface Block {
  readonly attentionNorm: Matrix; // (E)
  readonly q: Matrix; // (H·D, E)
  readonly k: Matrix; // (G·D, E)
  readonly v: Matrix; // (G·D, E)
  readonly o: Matrix; // (E, H·D)
  readonly feedForwardNorm: Matrix; // (E)
  readonly gate: Matrix; // (F, E)
  readonly up: Matrix; // (F, E)
  readonly down: Matrix; // (E, F)
}

export interface Weights {
  readonly embedding: Matrix; // (V, E)
  readonly blocks: readonly Block[]; // L
  readonly norm: Matrix; // (E)
  readonly head: Matrix; // (V, E), the embedding itself when tied
}

/** Runs T tokens through the layers, writes their keys and values at `position`, and leaves the last `rows` logits in scratch. */
export function forward(
  kernels: Kernels,
  config: LlamaConfig,
  weights: Weights,
  scratch: Scratch,
  embeddingRows: readonly number[],
  position: number,
  rows: number,
): void {
  const { heads: H, kvHeads: G, headSize: D, embedding: E, feedForward: F, vocabulary: V, normEpsilon } = config;
  const { x, qkv, mixed, gateUp, act, rope, pageTable } = scratch;
  const T = embeddingRows.length;
  const width = (H + 2 * G) * D;
  const keys = qkv + H * D * 4;
  const values = keys + G * D * 4;
  const multiply = (m: Matrix, t: number, from: number, out: number, stride: number, accumulate = 0): void =>
    kernels[m.format === "q4u" ? "matmulQ4u" : "matmulQ8"](from, t, m.address, m.rows, m.cols, out, stride, accumulate);

  const embed = kernels[weights.embedding.format === "q4u" ? "embedQ4u" : "embedQ8"];
  for (let t = 0; t < T; t++) embed(weights.embedding.address, embeddingRows[t] as number, E, x + t * E * 4); // x (T, E)

  let layerOffset = 0;
  for (const block of weights.blocks) {
    kernels.rmsnormQuantise(x, block.attentionNorm.address, E, T, normEpsilon, act);
    multiply(block.q, T, act, qkv, width); // q (T, H, D)
    multiply(block.k, T, act, keys, width); // k (T, G, D)
    multiply(block.v, T, act, values, width); // v (T, G, D)
    kernels.rope(qkv, H + G, D, T, width, rope); // keys follow the queries in a row
    kernels.kvAppend(keys, values, width, T, G, D, pageTable, layerOffset, position);
    kernels.attention(qkv, width, T, H, G, D, pageTable, layerOffset, position, mixed, H * D, scratch.attention);
    kernels.quantise(mixed, H * D, T, act);
    multiply(block.o, T, act, x, E, 1); // x += o · mixed

    kernels.rmsnormQuantise(x, block.feedForwardNorm.address, E, T, normEpsilon, act);
    multiply(block.gate, T, act, gateUp, 2 * F); // (T, F)
    multiply(block.up, T, act, gateUp + F * 4, 2 * F); // (T, F)
    kernels.swigluQuantise(gateUp, F, T, act);
    multiply(block.down, T, act, x, E, 1); // x += down · (silu(gate) · up)
    layerOffset += G * headBlockBytes(D);
  }

  if (rows > 0) {
    kernels.rmsnormQuantise(x + (T - rows) * E * 4, weights.norm.address, E, rows, normEpsilon, act);
    multiply(weights.head, rows, act, scratch.logits, V); // logits (rows, V)
  }
}
