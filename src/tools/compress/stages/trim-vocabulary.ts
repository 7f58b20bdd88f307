/**
 * The stage that gives the draft a smaller vocabulary. Only the tokens that its target writes most often keep their
 * rows of embedding and head, bit for bit. Fewer rows make the head cheaper, which is a large part of a small draft's
 * step (FR-Spec, Zhao et al. 2025, arXiv 2502.14856). Ids never change. A token without a row cannot be drafted, and as
 * input it is read as the last of its BPE pieces that has a row (model/token-rows.ts).
 */

import type { PackedModel } from "../../../core/format/pack.ts";
import { OutriderError } from "../../../core/model/errors.ts";
import { BLOCK_ROWS } from "../../../core/model/formats/format.ts";
import { pickRows } from "../../../core/model/pick-rows.ts";
import { piecesOf } from "../../../core/model/pieces.ts";
import { EMBEDDING, HEAD } from "../../../core/model/tensors.ts";
import { isTrimmed } from "../../../core/model/token-rows.ts";
import type { Calibration } from "../calibrate/calibration.ts";
import { mostFrequent } from "../methods/frequency.ts";

export interface TrimVocabulary {
  readonly stage: "trim-vocabulary";
  /** Number of tokens that stay; a multiple of 16, because rows lie in tiles of 16. */
  readonly keep: number;
  /**
   * `frequency` keeps the most frequent tokens of the whole calibration text. `rank` keeps the lowest ids, which BPE
   * merged first because they were the most frequent in its training text; it needs no calibration.
   */
  readonly by: "frequency" | "rank";
}

/**
 * A copy with `keep` rows of embedding and head. Tokens that no merge makes, such as single bytes, and special and end
 * tokens always stay. Rejects with `bad_recipe` for a count that does not fit, and with what `calibration` rejects
 * with.
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
