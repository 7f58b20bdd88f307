/**
 * Leaves out channels of the residual stream: columns of the embedding, of the norms and of all that reads the stream,
 * rows of all that adds to it (methods/groups.ts). Which to keep is decided elsewhere (methods/llm-pruner.ts).
 *
 * RMSNorm divides by the root of the mean over all channels, and of fewer channels the mean is another. LLM-Pruner lets
 * it be. Here the narrower model computes exactly what the old one does with the channels zero, which is what their
 * importance was estimated for: with s = E / E', the weights times √s and ε times s give
 * w · √s · x / √(Σx² / E' + s · ε) = w · x / √(Σx² / E + ε).
 */
import type { PackedModel, PackedTensor } from "../../format/pack.ts";
import { targetOf } from "../../format/pack-header.ts";
import { hiddenGroups } from "../../methods/groups.ts";
import { decodeTensor } from "../../model/decode.ts";
import { linesInPlace, selectLines } from "./select-lines.ts";

/** A copy with the channels `kept` alone, ascending; all matrices are f32. */
export function pruneHidden(model: PackedModel, kept: readonly number[]): PackedModel {
  const { embedding, normEpsilon } = model.config;
  const share = embedding / kept.length;
  const tensors = replaceHidden(model, kept, (norm) => norm.map((weight) => weight * Math.sqrt(share)));
  return {
    ...model,
    config: { ...model.config, embedding: kept.length, normEpsilon: normEpsilon * share },
    target: targetOf(model),
    tensors,
  };
}

/** A copy that computes what `pruneHidden` makes in the old shapes: zeros in the channels that are not `kept`. */
export const zeroHidden = (model: PackedModel, kept: readonly number[]): PackedModel => ({
  ...model,
  tensors: replaceHidden(model, linesInPlace(kept, model.config.embedding), (norm) => norm),
});

function replaceHidden(
  model: PackedModel,
  channels: readonly number[],
  normOf: (weights: Float32Array) => Float32Array,
): Map<string, PackedTensor> {
  const tensors = new Map(model.tensors);
  for (const { tensor: name, axis } of hiddenGroups(model.config)[0]!) {
    const tensor = model.tensors.get(name)!;
    const made = axis === "rows" ? selectLines(tensor, channels, "all") : selectLines(tensor, "all", channels);
    if (tensor.rows > 1) tensors.set(name, made);
    else tensors.set(name, { ...made, bytes: new Uint8Array(normOf(decodeTensor(made, made.bytes)).buffer) });
  }
  return tensors;
}
