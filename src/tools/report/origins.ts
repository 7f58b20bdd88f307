/** Finds the block of the original that each block of a pack was. */
import type { PackedModel } from "../../core/format/pack.ts";
import { blockTensor } from "../../core/model/tensors.ts";

/**
 * The number that each block had in the original. With as many blocks as the original, each keeps its number. With
 * fewer, blocks are identified by their norms, which no stage changes; undefined if that is ambiguous.
 */
export function blockOrigins(model: PackedModel, original: PackedModel): number[] | undefined {
  const [layers, all] = [model.config.layers, original.config.layers];
  if (layers === all) return Array.from({ length: layers }, (_, layer) => layer);
  const names = Array.from({ length: all }, (_, layer) => normsOf(original, layer));
  if (new Set(names).size < all) return undefined;
  const origins = Array.from({ length: layers }, (_, layer) => names.indexOf(normsOf(model, layer)));
  return origins.includes(-1) ? undefined : origins;
}

/** The bytes of a block's norms, as a string to compare. */
function normsOf({ tensors }: PackedModel, layer: number): string {
  const norms = ["input_layernorm.weight", "post_attention_layernorm.weight"];
  return norms
    .map((suffix) => Buffer.from(tensors.get(blockTensor(layer, suffix))!.bytes).toString("base64"))
    .join(" ");
}
