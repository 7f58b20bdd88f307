/** The reference of narrower models: the whole model, with zeros wherever something is left out. */
import type { PackedModel } from "../../src/core/format/pack.ts";
import { decodeTensor } from "../../src/core/model/decode.ts";
import { attentionGroups, mlpGroups } from "../../src/tools/compress/methods/groups.ts";
import { floatTensor } from "../../src/tools/compress/rounding/tensors.ts";
import type { KeptWidth } from "../../src/tools/compress/stages/prune-width.ts";

/** A copy in f32 of the old shapes that computes the same as `pruneWidth(model, kept)`. */
export function zeroWidth(model: PackedModel, kept: readonly KeptWidth[]): PackedModel {
  const tensors = new Map(model.tensors);
  for (const [layer, { kvHeads, channels }] of kept.entries()) {
    const left = [
      ...attentionGroups(model.config, layer).filter((_, head) => !kvHeads.includes(head)),
      ...mlpGroups(model.config, layer).filter((_, channel) => !channels.includes(channel)),
    ];
    for (const { tensor: name, axis, start, count } of left.flat()) {
      const tensor = tensors.get(name)!;
      const { rows, cols } = tensor;
      const values = decodeTensor(tensor, tensor.bytes);
      const isLeft = (line: number): boolean => line >= start && line < start + count;
      const zeroed = values.map((value, n) => (isLeft(axis === "rows" ? Math.floor(n / cols) : n % cols) ? 0 : value));
      tensors.set(name, floatTensor(zeroed, rows, cols));
    }
  }
  return { ...model, tensors };
}
