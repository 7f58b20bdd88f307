/**
 * The dependency groups of a Llama: weights that can only be removed together. LLM-Pruner (Ma, Fang, Wang 2023, arXiv
 * 2305.11627), section 3.1: a structure whose only input, or only output, is removed must be removed too.
 *
 *   attention   key/value head g: its rows of k and v, the rows of q of its H / G query heads, their columns of o, and
 *               the entries of the biases of all these rows; norms on q and k are the same for all heads and stay
 *   MLP         channel c: row c of gate and of up, column c of down
 *
 * Query heads are grouped as grouped-query attention shares keys: head h belongs to key head ⌊h · G / H⌋.
 */
import type { Features } from "../../../core/model/architectures.ts";
import { blockShape, type LlamaConfig } from "../../../core/model/config.ts";
import { type BlockSuffix, blockSuffixes, blockTensor } from "../../../core/model/tensors.ts";

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
