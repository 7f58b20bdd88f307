/**
 * The dependency groups of a Llama: weights that can only be removed together. LLM-Pruner (Ma, Fang, Wang 2023, arXiv
 * 2305.11627), section 3.1: a structure whose only input, or only output, is removed must be removed too.
 *
 *   attention   key/value head g: its rows of k and v, the rows of q of its H / G query heads, their columns of o
 *   MLP         channel c: row c of gate and of up, column c of down
 *   hidden      channel e of the residual stream: column e of the embedding, of every norm and of all that reads the
 *               stream (q, k, v, gate, up, head); row e of all that adds to it (o, down)
 *
 * Query heads are grouped as grouped-query attention shares keys: head h belongs to key head ⌊h · G / H⌋.
 */
import { blockShape, type LlamaConfig } from "../model/config.ts";
import { BLOCK_TENSORS, blockTensor, EMBEDDING, FINAL_NORM, HEAD } from "../model/tensors.ts";

/** Lines `start` … `start + count − 1` of one tensor. */
interface Member {
  readonly tensor: string;
  readonly axis: "rows" | "cols";
  readonly start: number;
  readonly count: number;
}

/** Lines that are removed together, in the order in which the forward pass reads them. */
export type Group = readonly Member[];

/** Group g is key/value head g of the block. */
export function attentionGroups(config: LlamaConfig, layer: number): Group[] {
  const { headSize: D } = config;
  const { heads: H, kvHeads: G } = blockShape(config, layer);
  const queries = (H / G) * D;
  return Array.from({ length: G }, (_, g) => [
    { tensor: blockTensor(layer, "self_attn.q_proj.weight"), axis: "rows", start: g * queries, count: queries },
    { tensor: blockTensor(layer, "self_attn.k_proj.weight"), axis: "rows", start: g * D, count: D },
    { tensor: blockTensor(layer, "self_attn.v_proj.weight"), axis: "rows", start: g * D, count: D },
    { tensor: blockTensor(layer, "self_attn.o_proj.weight"), axis: "cols", start: g * queries, count: queries },
  ]);
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
    for (const [suffix] of BLOCK_TENSORS) {
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
