/**
 * The dependency groups of a Llama: weights that can only be removed together. LLM-Pruner (Ma, Fang, Wang 2023, arXiv
 * 2305.11627), section 3.1: a structure whose only input, or only output, is removed must be removed too.
 *
 *   attention   key/value head g: its rows of k and v, the rows of q of its H / G query heads, their columns of o, and
 *               the entries of the biases of all these rows; norms on q and k are the same for all heads and stay
 *   MLP         channel c: row c of gate and of up, column c of down
 *   hidden      channel e of the residual stream: column e of the embedding, of every norm and of all that reads the
 *               stream (q, k, v, gate, up, head); row e of all that adds to it (o, down)
 *
 * Query heads are grouped as grouped-query attention shares keys: head h belongs to key head ⌊h · G / H⌋.
 */
import type { Features } from "../../../core/model/architectures.ts";
import { blockShape, type LlamaConfig } from "../../../core/model/config.ts";
import {
  type BlockSuffix,
  blockSuffixes,
  blockTensor,
  EMBEDDING,
  FINAL_NORM,
  HEAD,
} from "../../../core/model/tensors.ts";

/** Lines `start` … `start + count − 1` of one tensor. */
interface Member {
  readonly tensor: string;
  readonly axis: "rows" | "cols";
  readonly start: number;
  readonly count: number;
}

/** Lines that are removed together, in the order in which the forward pass reads them. */
export type Group = readonly Member[];

/** Tensors of which a key/value head owns lines: those of its query heads, or those of the head itself. */
const HEAD_LINES = [
  { suffix: "self_attn.q_proj.weight", axis: "rows", of: "queries" },
  { suffix: "self_attn.k_proj.weight", axis: "rows", of: "keys" },
  { suffix: "self_attn.v_proj.weight", axis: "rows", of: "keys" },
  { suffix: "self_attn.q_proj.bias", axis: "cols", of: "queries" },
  { suffix: "self_attn.k_proj.bias", axis: "cols", of: "keys" },
  { suffix: "self_attn.v_proj.bias", axis: "cols", of: "keys" },
  { suffix: "self_attn.o_proj.weight", axis: "cols", of: "queries" },
] as const satisfies readonly { suffix: BlockSuffix; axis: Member["axis"]; of: "queries" | "keys" }[];

/** Those of them that the blocks of this model have. */
export function headLines(features: Features) {
  const suffixes = blockSuffixes(features);
  return HEAD_LINES.filter(({ suffix }) => suffixes.includes(suffix));
}

/** Group g is key/value head g of the block. */
export function attentionGroups(config: LlamaConfig, layer: number): Group[] {
  const { headSize: D } = config;
  const { heads: H, kvHeads: G } = blockShape(config, layer);
  const queries = (H / G) * D;
  return Array.from({ length: G }, (_, g) =>
    headLines(config).map(({ suffix, axis, of }) => {
      const count = of === "queries" ? queries : D;
      return { tensor: blockTensor(layer, suffix), axis, start: g * count, count };
    }),
  );
}

/** Group c is channel c of the block's MLP. */
export function mlpGroups(config: LlamaConfig, layer: number): Group[] {
  const { feedForward: F } = blockShape(config, layer);
  return Array.from({ length: F }, (_, c) => [
    { tensor: blockTensor(layer, "mlp.gate_proj.weight"), axis: "rows", start: c, count: 1 },
    { tensor: blockTensor(layer, "mlp.up_proj.weight"), axis: "rows", start: c, count: 1 },
    { tensor: blockTensor(layer, "mlp.down_proj.weight"), axis: "cols", start: c, count: 1 },
  ]);
}

/** Group e is channel e of the residual stream, across all blocks. */
export function hiddenGroups(config: LlamaConfig): Group[] {
  const tensors: { tensor: string; axis: "rows" | "cols" }[] = [{ tensor: EMBEDDING, axis: "cols" }];
  for (let layer = 0; layer < config.layers; layer++) {
    for (const suffix of blockSuffixes(config)) {
      // Biases and norms of q and k have entries for the channels of heads.
      if (suffix.endsWith(".bias") || (suffix.startsWith("self_attn.") && suffix.endsWith("norm.weight"))) continue;
      const adds = suffix === "self_attn.o_proj.weight" || suffix === "mlp.down_proj.weight";
      tensors.push({ tensor: blockTensor(layer, suffix), axis: adds ? "rows" : "cols" });
    }
  }
  tensors.push({ tensor: FINAL_NORM, axis: "cols" });
  if (!config.tied) tensors.push({ tensor: HEAD, axis: "cols" });
  return Array.from({ length: config.embedding }, (_, start) =>
    tensors.map((tensor) => ({ ...tensor, start, count: 1 })),
  );
}
