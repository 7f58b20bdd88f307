/**
 * The two files that describe a tokenizer and its chat template, as every pack carries them,
 * and the hash by which a draft and a target know that they count tokens alike.
 */
import { OutriderError } from "./errors.ts";
import { sha256Hex } from "./sha256.ts";

/** The text of the files. */
export interface TokenizerFiles {
  readonly "tokenizer.json": string;
  readonly "tokenizer_config.json": string;
}

/** More ids than any vocabulary has: a damaged id must not make a table of its size. */
const MAX_TOKENS = 1 << 21;

/**
 * Tokens of a parsed `tokenizer.json` by id, null where no token has the id. Throws `bad_tokenizer` unless it maps
 * tokens to ids.
 */
export function tokenTable(tokenizer: unknown): (string | null)[] {
  const json = tokenizer as { model?: { vocab?: unknown }; added_tokens?: unknown } | null;
  const vocab = json?.model?.vocab;
  const isList = Array.isArray(vocab) && vocab.every(Array.isArray);
  if (typeof vocab !== "object" || vocab === null || (Array.isArray(vocab) && !isList)) {
    throw new OutriderError("bad_tokenizer", "tokenizer.json: model.vocab is not a map of tokens to ids");
  }
  const added = json?.added_tokens ?? [];
  if (!Array.isArray(added)) throw new OutriderError("bad_tokenizer", "tokenizer.json: added_tokens is not a list");
  const table: (string | null)[] = [];
  const put = (token: unknown, id: unknown) => {
    if (typeof token !== "string" || typeof id !== "number" || !(id >= 0 && id < MAX_TOKENS && Number.isInteger(id))) {
      throw new OutriderError("bad_tokenizer", `tokenizer.json: ${JSON.stringify(token)} has the id ${id}`);
    }
    while (table.length <= id) table.push(null);
    table[id] = token;
  };
  // Unigram has a list instead, of tokens with their scores.
  if (Array.isArray(vocab)) for (const [id, entry] of vocab.entries()) put(entry[0], id);
  else for (const [token, id] of Object.entries(vocab)) put(token, id);
  for (const token of added) put(token?.content, token?.id);
  return table;
}

/**
 * First 16 hex digits of SHA-256 over the JSON of the token table. Ids at the end that only fill an embedding up do not
 * count: a checkpoint leaves them out of its tokenizer, and converters to GGUF call them [PAD151665] and so on.
 */
export async function vocabularyHash(table: readonly (string | null)[]): Promise<string> {
  let end = table.length;
  while (end > 0 && (table[end - 1] === null || table[end - 1] === `[PAD${end - 1}]`)) end--;
  return (await sha256Hex(new TextEncoder().encode(JSON.stringify(table.slice(0, end))))).slice(0, 16);
}
