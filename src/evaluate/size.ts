/** How large a model is. */
import type { PackedModel } from "../format/pack.ts";

export interface Size {
  /** Of all tensors. */
  readonly bytes: number;
  /** Of the block matrices as they are stored, zeros counted as weights. */
  readonly bitsPerWeight: number;
}

export function sizeOf({ tensors }: PackedModel): Size {
  let [bytes, bits, weights] = [0, 0, 0];
  for (const [name, tensor] of tensors) {
    bytes += tensor.bytes.length;
    if (!name.startsWith("model.layers.") || tensor.rows === 1) continue;
    bits += 8 * tensor.bytes.length;
    weights += tensor.rows * tensor.cols;
  }
  return { bytes, bitsPerWeight: bits / weights };
}
