/**
 * A model with a row for every token of its target: one that a trimmed vocabulary lacks gets a copy of the row that it is read
 * from (model/token-rows.ts). For those who know ids as rows, as Hugging Face's format does. What the model makes of a text
 * stays the same; the copies can be said too, as likely as what they are copies of.
 */
import type { PackedModel, PackedTensor } from "../format/pack.ts";
import { decodeTensor } from "../model/decode.ts";
import { EMBEDDING, HEAD } from "../model/tensors.ts";
import { isTrimmed, TokenRows } from "../model/token-rows.ts";

/** The model itself when it lacks no token; else a copy whose embedding and head are f32. */
export function wholeVocabulary(model: PackedModel): PackedModel {
  if (!isTrimmed(model)) return model;
  const { kept: _kept, substitutes: _substitutes, ...whole } = model;
  const rows = new TokenRows(model);
  const tensors = new Map(model.tensors);
  for (const name of [EMBEDDING, HEAD]) {
    const tensor = tensors.get(name);
    if (tensor) tensors.set(name, spread(tensor, rows, model.vocabulary.size));
  }
  return { ...whole, config: { ...model.config, vocabulary: model.vocabulary.size }, tensors };
}

/** (tokens, cols): the row of each token. */
function spread(tensor: PackedTensor, rows: TokenRows, tokens: number): PackedTensor {
  const { cols } = tensor;
  const values = decodeTensor(tensor, tensor.bytes);
  const out = new Float32Array(tokens * cols);
  for (let id = 0; id < tokens; id++) {
    const from = rows.rowOf(id) * cols;
    out.set(values.subarray(from, from + cols), id * cols);
  }
  return { format: "f32", rows: tokens, cols, bytes: new Uint8Array(out.buffer) };
}
