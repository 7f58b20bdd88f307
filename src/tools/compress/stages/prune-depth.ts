/**
 * The stage that leaves out whole blocks. The remaining blocks keep their bytes and are renumbered. Which blocks to
 * keep is measured elsewhere (shortened-llama.ts).
 */
import type { PackedModel, PackedTensor } from "../../../core/format/pack.ts";
import { OutriderError } from "../../../core/model/errors.ts";
import { blockSuffixes, blockTensor } from "../../../core/model/tensors.ts";

export interface PruneDepth {
  readonly stage: "prune-depth";
  /** Blocks that stay, 0-based, ascending. */
  readonly keep: readonly number[];
}

/** A copy with only the blocks of `keep`. Throws `bad_recipe` for a block that is not there. */
export function pruneDepth(model: PackedModel, { stage, keep }: PruneDepth): PackedModel {
  const { layers } = model.config;
  for (const [n, layer] of keep.entries()) {
    if (layer >= layers || (n > 0 && layer <= keep[n - 1]!)) {
      throw new OutriderError(
        "bad_recipe",
        `prune-depth: keep[${n}] is ${layer}; list blocks of ${model.model} in ascending order, 0 to ${layers - 1}`,
      );
    }
  }
  const tensors = new Map<string, PackedTensor>();
  for (const [name, tensor] of model.tensors) if (!name.startsWith("model.layers.")) tensors.set(name, tensor);
  for (const [n, layer] of keep.entries()) {
    for (const suffix of blockSuffixes(model.config)) {
      tensors.set(blockTensor(n, suffix), model.tensors.get(blockTensor(layer, suffix))!);
    }
  }
  const { widths } = model.config;
  return {
    ...model,
    config: { ...model.config, layers: keep.length, ...(widths && { widths: keep.map((layer) => widths[layer]!) }) },
    tensors,
    recipe: [...model.recipe, { stage, keep: [...keep] }],
  };
}
