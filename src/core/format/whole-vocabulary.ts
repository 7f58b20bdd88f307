/**
 * A model with a row for every token of its target. A token that a trimmed vocabulary lacks gets a copy of its
 * substitute's row (model/token-rows.ts). Hugging Face's format knows ids as rows. The model reads a text as before;
 * it can also emit the copies, each with the probability of its original.
 */
import { decodeTensor } from "../model/decode.ts";
import { pickRows } from "../model/pick-rows.ts";
import { EMBEDDING, HEAD } from "../model/tensors.ts";
import { isTrimmed, TokenRows } from "../model/token-rows.ts";
import type { PackedModel } from "./pack.ts";

/** The model itself when it lacks no token; else a copy whose embedding and head are f32. */
export function wholeVocabulary(model: PackedModel): PackedModel {
  if (!isTrimmed(model)) return model;
  const { kept: _kept, substitutes: _substitutes, ...whole } = model;
  const { size } = model.vocabulary;
  const rows = new TokenRows(model);
  const picked = Array.from({ length: size }, (_, id) => rows.rowOf(id));
  const tensors = new Map(model.tensors);
  for (const name of [EMBEDDING, HEAD]) {
    const tensor = tensors.get(name);
    if (!tensor) continue;
    const values = decodeTensor(tensor, tensor.bytes);
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const layout = { format: "f32", rows: size, cols: tensor.cols } as const;
    tensors.set(name, { ...layout, bytes: pickRows(layout, bytes, picked) });
  }
  return { ...whole, config: { ...model.config, vocabulary: size }, tensors };
}
