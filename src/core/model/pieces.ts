/**
 * How the tokens of a byte-level BPE are made of each other: what a draft reads in the place of a token that it lacks.
 */
import { OutriderError } from "./errors.ts";
import { tokenTable } from "./tokenizer-files.ts";

interface Pieces {
  /** By id, the right half of the merge that makes the token; none for the indivisible. */
  readonly lasts: readonly (number | undefined)[];
  /** Ids that no merge makes: single bytes, special and other added tokens, ids that the tokenizer leaves out. */
  readonly indivisible: readonly number[];
}

interface TokenizerJson {
  readonly added_tokens?: readonly { readonly id: number }[];
  readonly model: { readonly merges: readonly (string | readonly [string, string])[] };
}

/** From a parsed `tokenizer.json`. Throws `bad_tokenizer` as `tokenTable` does. */
export function piecesOf(tokenizer: TokenizerJson): Pieces {
  const table = tokenTable(tokenizer);
  const ids = new Map(table.map((token, id) => [token, id]));
  const lasts = new Array<number | undefined>(table.length).fill(undefined);
  const { merges } = tokenizer.model;
  if (!Array.isArray(merges)) throw new OutriderError("bad_tokenizer", "tokenizer.json: model.merges is not a list");
  for (const merge of merges) {
    const [left, right] = typeof merge === "string" ? merge.split(" ") : merge;
    const whole = ids.get(`${left}${right}`);
    // A token is not a piece of itself, whatever a damaged list says.
    if (whole !== undefined && left) lasts[whole] = ids.get(right!);
  }
  for (const { id } of tokenizer.added_tokens ?? []) lasts[id] = undefined;
  return { lasts, indivisible: [...lasts.keys()].filter((id) => lasts[id] === undefined) };
}
