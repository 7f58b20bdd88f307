/**
 * Gradients as stages get them: means over windows, by tensor name, in the shapes of the model before its blocks were
 * padded to one width.
 */

import { withoutPadding } from "../../../../core/format/even-width.ts";
import type { PackedModel } from "../../../../core/format/pack.ts";
import { blockSuffixes, blockTensor } from "../../../../core/model/tensors.ts";
import type { TensorGradient } from "../calibration.ts";
import { blockMatrices } from "../passes/shape.ts";
import type { Gradients } from "./gradients.ts";

/** Means of all tensors of `gradients`, which holds sums over `windows` windows; of the squares too where asked for. */
export function meanGradients(
  model: PackedModel,
  gradients: Gradients,
  windows: number,
  squares: boolean,
): ReadonlyMap<string, TensorGradient> {
  const mean = (name: string, values: Float32Array, width: number): Float32Array => {
    const { rows, cols } = model.tensors.get(name)!;
    return withoutPadding(values, width, rows, cols).map((value) => value / windows);
  };
  const all = new Map<string, TensorGradient>();
  const put = (name: string, sums: Float32Array, squared: Float32Array, width: number): void => {
    const gradient = mean(name, sums, width);
    all.set(name, squares ? { gradient, squares: mean(name, squared, width) } : { gradient });
  };
  const { tensors } = blockMatrices({ ...model.config, widths: undefined });
  for (let layer = 0; layer < model.config.layers; layer++) {
    for (const suffix of blockSuffixes(model.config)) {
      const [sums, squared] = [gradients.sum(layer, suffix), gradients.squares(layer, suffix)];
      put(blockTensor(layer, suffix), sums, squared, tensors[suffix].cols);
    }
  }
  return all;
}
