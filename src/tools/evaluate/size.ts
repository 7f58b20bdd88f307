/** How large a model is. */
import type { PackedModel } from "../../core/format/pack.ts";

export interface Size {
  /** Bytes of all tensors. */
  readonly bytes: number;
  /** Bits per weight of the block matrices as they are stored; zeros count as weights. */
  readonly bitsPerWeight: number;
}

export function sizeOf({ tensors }: PackedModel): Size {
  let bytes = 0;
  let bits = 0;
  let weights = 0;
  for (const [name, tensor] of tensors) {
    bytes += tensor.bytes.length;
    if (!name.startsWith("model.layers.") || tensor.rows === 1) continue;
    bits += 8 * tensor.bytes.length;
    weights += tensor.rows * tensor.cols;
  }
  return { bytes, bitsPerWeight: bits / weights };
}
