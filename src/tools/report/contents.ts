/** What a pack consists of, and what was removed from its original. */
import type { PackedModel } from "../../core/format/pack.ts";
import { blockShape, totalKvHeads } from "../../core/model/config.ts";
import { EMBEDDING, HEAD } from "../../core/model/tensors.ts";

export const KINDS = ["embedding", "head", "attention", "MLP", "norms"] as const;
export type Kind = (typeof KINDS)[number];

/** Bytes of the tensors of each kind; a tied head has none. */
export function bytesByKind({ tensors }: PackedModel): Record<Kind, number> {
  const bytes = { embedding: 0, head: 0, attention: 0, MLP: 0, norms: 0 };
  for (const [name, tensor] of tensors) bytes[kindOf(name)] += tensor.bytes.length;
  return bytes;
}

function kindOf(name: string): Kind {
  if (name === EMBEDDING) return "embedding";
  if (name === HEAD) return "head";
  if (name.endsWith("norm.weight")) return "norms";
  return name.includes(".self_attn.") ? "attention" : "MLP";
}

/** Counts of a Llama. */
export interface Counts {
  readonly blocks: number;
  /** In all blocks together. */
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly channels: number;
  /** Width of the residual stream. */
  readonly width: number;
  readonly vocabulary: number;
}

export function countsOf({ config }: PackedModel): Counts {
  const kvHeads = totalKvHeads(config);
  const channels = Array.from({ length: config.layers }, (_, layer) => blockShape(config, layer).feedForward);
  return {
    blocks: config.layers,
    queryHeads: kvHeads * (config.heads / config.kvHeads),
    kvHeads,
    channels: channels.reduce((a, b) => a + b),
    width: config.embedding,
    vocabulary: config.vocabulary,
  };
}
