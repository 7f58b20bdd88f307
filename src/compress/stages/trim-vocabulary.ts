/**
 * The stage that gives the draft a smaller vocabulary: only the tokens that its target writes most often keep their
 * rows of embedding and head, every bit as it was. Fewer rows make the head cheaper, which for a small draft is much of
 * a step (FR-Spec, Zhao et al. 2025, arXiv 2502.14856). Ids never change: a token without a row is one that the draft
 * cannot propose, and as input it is read as the last of its BPE pieces that has one (model/token-rows.ts).
 */

import type { Calibration } from "../../calibrate/calibration.ts";
import type { PackedModel } from "../../format/pack.ts";
import { mostFrequent } from "../../methods/frequency.ts";
import { OutriderError } from "../../model/errors.ts";
import { BLOCK_ROWS } from "../../model/formats/format.ts";
import { pickRows } from "../../model/pick-rows.ts";
import { piecesOf } from "../../model/pieces.ts";
import { EMBEDDING, HEAD } from "../../model/tensors.ts";
import { isTrimmed } from "../../model/token-rows.ts";

export interface TrimVocabulary {
  readonly stage: "trim-vocabulary";
  /** Tokens that stay; a multiple of 16, because rows lie in tiles of 16. */
  readonly keep: number;
  /**
   * `frequency`: those that the whole calibration text has most often. `rank`: those with the lowest ids, which BPE
   * learnt first because they were the most frequent where it learnt; for recipes that are made without a text.
   */
  readonly by: "frequency" | "rank";
}

/**
 * A copy with `keep` rows of embedding and head. What no merge makes, such as single bytes, special and end tokens,
 * always stays. Rejects with `bad_recipe` for a count that does not fit, or what `calibration` does.
 */
export async function trimVocabulary(
  model: PackedModel,
  { stage, keep, by }: TrimVocabulary,
  calibration: Pick<Calibration, "counts">,
): Promise<PackedModel> {
  const { size } = model.vocabulary;
  if (isTrimmed(model)) {
    throw new OutriderError(
      "bad_recipe",
      `trim-vocabulary: ${model.model} is trimmed already; trim once, to fewer tokens`,
    );
  }
  const { lasts, indivisible } = piecesOf(JSON.parse(model.tokenizer["tokenizer.json"]));
  const { bosId, eosIds } = model.config;
  const always = new Set([...indivisible, bosId, ...eosIds, ...(model.target?.eosIds ?? [])]);
  if (keep % BLOCK_ROWS !== 0 || keep >= size || keep < always.size) {
    throw new OutriderError(
      "bad_recipe",
      `trim-vocabulary: keep is ${keep}; it must be a multiple of ${BLOCK_ROWS} under ${size}, ` +
        `and at least ${always.size}, because bytes and special tokens always stay`,
    );
  }
  const counts = by === "frequency" ? await calibration.counts(size) : new Float64Array(size);
  const kept = mostFrequent(counts, keep, always);
  const tensors = new Map(model.tensors);
  for (const name of [EMBEDDING, HEAD]) {
    const tensor = tensors.get(name);
    if (tensor) tensors.set(name, { ...tensor, rows: keep, bytes: pickRows(tensor, tensor.bytes, kept) });
  }
  const own = new Set(kept);
  const missing = Array.from({ length: size }, (_, id) => id).filter((id) => !own.has(id));
  return {
    ...model,
    config: { ...model.config, vocabulary: keep },
    // Where the first ids stay, rows are ids.
    ...(kept.at(-1)! >= keep && { kept }),
    substitutes: missing.map((id) => {
      while (!own.has(id)) id = lasts[id]!;
      return id;
    }),
    tensors,
    recipe: [...model.recipe, { stage, keep, by }],
  };
}
