/** What cuts code into token ids, with holes to fill in where the model can. */
import { OutriderError } from "../../core/model/errors.ts";
import { FillTemplate } from "../../core/model/fill.ts";
import type { Tokenizer } from "../../core/model/tokenizer.ts";

export interface CodeWords {
  readonly tokenizer: Tokenizer;
  /** Null: the model cannot fill in. */
  readonly fill: FillTemplate | null;
  /** Ends a filling. */
  readonly end: number;
}

/**
 * Of an open tokenizer and the text of its `tokenizer_config.json`. Throws `bad_tokenizer` where no token ends
 * anything.
 * @param stopIds end an answer; the first ends a filling where the tokenizer names no token for that
 */
export function codeWords(tokenizer: Tokenizer, config: string, stopIds: readonly number[]): CodeWords {
  const fill = fillOf(config, tokenizer);
  const end = tokenizer.specialId("<|endoftext|>") ?? fill?.tokens.ends[0] ?? stopIds[0];
  if (end === undefined) throw new OutriderError("bad_tokenizer", "the tokenizer has no token that ends a filling");
  return { tokenizer, fill, end };
}

function fillOf(config: string, tokenizer: Tokenizer): FillTemplate | null {
  try {
    return new FillTemplate(config, tokenizer);
  } catch (error) {
    if (error instanceof OutriderError && error.code === "no_fill_in_the_middle") return null;
    throw error;
  }
}
