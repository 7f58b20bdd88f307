/** A model that lacks tokens: the first `keep` ids have rows, the others are read as some of these. */
import type { PackedModel } from "../../src/core/format/pack.ts";
import { EMBEDDING } from "../../src/core/model/tensors.ts";

/**
 * `keep` is a multiple of 16, and embedding and head are tied. Rows lie in blocks of 16, so the first are the first
 * bytes.
 */
export function withoutTokens(model: PackedModel, keep: number): PackedModel {
  const embedding = model.tensors.get(EMBEDDING)!;
  const bytes = embedding.bytes.slice(0, (embedding.bytes.length / embedding.rows) * keep);
  return {
    ...model,
    config: { ...model.config, vocabulary: keep },
    substitutes: Array.from({ length: model.vocabulary.size - keep }, (_, n) => (7 * n) % keep),
    tensors: new Map([...model.tensors, [EMBEDDING, { ...embedding, rows: keep, bytes }]]),
  };
}
