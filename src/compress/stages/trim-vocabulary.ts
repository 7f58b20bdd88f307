/**
 * The stage that gives the draft a smaller vocabulary: only the first `keep` ids stay, their rows byte for byte. In a BPE
 * vocabulary ids follow the order in which merges were learnt, so the first are the most frequent. Ids never change: a
 * target token past the end is one that the draft cannot propose, and as input it is read as the last of its BPE pieces
 * that the draft has. Fewer rows make the head cheaper too (FR-Spec, Zhao et al. 2025, arXiv 2502.14856).
 */
import type { PackedModel, PackedTensor } from "../../format/pack.ts";
import { OutriderError } from "../../model/errors.ts";
import { BLOCK_ROWS } from "../../model/layouts.ts";
import { EMBEDDING, HEAD } from "../../model/tensors.ts";
import { tokenTable } from "../../model/tokenizer-files.ts";

export interface TrimVocabulary {
  readonly stage: "trim-vocabulary";
  /** Ids that stay: 0 … keep − 1; a multiple of 16, because rows lie in tiles of 16. */ readonly keep: number;
}

/** A copy with `keep` rows of embedding and head. Throws `bad_recipe` for a count that does not fit, `bad_tokenizer` for merges that do not. */
export function trimVocabulary(model: PackedModel, { stage, keep }: TrimVocabulary): PackedModel {
  const { vocabulary, eosIds } = model.config;
  if (keep % BLOCK_ROWS !== 0 || keep >= vocabulary || eosIds.some((id) => id >= keep)) {
    throw new OutriderError(
      "bad_recipe",
      `trim-vocabulary: keep is ${keep}; it must be a multiple of ${BLOCK_ROWS} under ${vocabulary} that covers the end tokens ${eosIds}`,
    );
  }
  const tensors = new Map(model.tensors);
  for (const name of [EMBEDDING, HEAD]) {
    const tensor = tensors.get(name);
    if (tensor) tensors.set(name, firstRows(tensor, keep));
  }
  return {
    ...model,
    config: { ...model.config, vocabulary: keep },
    substitutes: substitutes(JSON.parse(model.tokenizer["tokenizer.json"]), keep),
    tensors,
    recipe: [...model.recipe, { stage, keep }],
  };
}

/** Blocks of 16 rows follow each other in every format, so the first rows are the first bytes. */
function firstRows(tensor: PackedTensor, rows: number): PackedTensor {
  const blocks = Math.ceil(tensor.rows / BLOCK_ROWS);
  return { ...tensor, rows, bytes: tensor.bytes.slice(0, (tensor.bytes.length / blocks) * (rows / BLOCK_ROWS)) };
}

/** Per id from `keep` on, the last piece it was merged from that is under `keep`. */
function substitutes(tokenizer: { model: { merges: readonly (string | readonly [string, string])[] } }, keep: number) {
  const table = tokenTable(tokenizer);
  const ids = new Map(table.map((token, id) => [token, id]));
  const lastPiece = new Map<number, number>();
  for (const merge of tokenizer.model.merges) {
    const [left, right] = typeof merge === "string" ? merge.split(" ") : merge;
    const whole = ids.get(`${left}${right}`);
    const piece = ids.get(right as string);
    if (whole !== undefined && piece !== undefined) lastPiece.set(whole, piece);
  }
  return table.slice(keep).map((token, n) => {
    let id: number | undefined = keep + n;
    while (id !== undefined && id >= keep) id = lastPiece.get(id);
    if (id !== undefined) return id;
    throw new OutriderError("bad_tokenizer", `token ${keep + n}, ${JSON.stringify(token)}, is no merge of kept tokens`);
  });
}
