/**
 * Leaves out channels of the residual stream: columns of the embedding, of the norms and of every matrix that reads the
 * stream, and rows of every matrix that writes to it (methods/groups.ts). Which to keep is decided elsewhere
 * (methods/llm-pruner.ts).
 *
 * RMSNorm divides by the root of a mean over all channels, and a mean over fewer channels is another number. LLM-Pruner
 * leaves it at that. Here the narrower model computes exactly what the old one computes with those channels zero,
 * because their importance was estimated for that. With s = E / E', the norm weights are multiplied by √s and ε by s: w
 * · √s · x / √(Σx² / E' + s · ε) = w · x / √(Σx² / E + ε).
 */
import type { PackedModel, PackedTensor } from "../../../core/format/pack.ts";
import { targetOf } from "../../../core/format/pack-header.ts";
import { decodeTensor } from "../../../core/model/decode.ts";
import { hiddenGroups } from "../methods/groups.ts";
import { linesInPlace, selectLines } from "./select-lines.ts";

/** A copy with only the channels `kept`, ascending; all of its matrices are f32. */
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

/** A copy with the old shapes that computes the same as `pruneHidden`: channels that are not `kept` are zero. */
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
