/** The ids that end an answer of a Hugging Face checkpoint, of any architecture. */
import * as z from "zod";
import { endingIds } from "../model/endings.ts";
import { OutriderError } from "../model/errors.ts";
import { type OpenFile, openIfThere, readText } from "./source.ts";

const MAX_TEXT_BYTES = 1024 * 1024;
const id = z.int().nonnegative();

/** A token or several, as both of a checkpoint's configurations write them. */
export const eosSchema = z.union([id, z.array(id)]).nullish();
const generationSchema = z.object({ eos_token_id: eosSchema });

interface AddedTokens {
  readonly added_tokens?: readonly { readonly id: number; readonly content: string; readonly special?: boolean }[];
}

/**
 * Those that config.json names (`named`), those that generation_config.json adds, and special tokens of the parsed
 * tokenizer.json that are known to end answers.
 */
export async function checkpointStopIds(
  open: OpenFile,
  named: readonly z.infer<typeof eosSchema>[],
  tokenizer: AddedTokens,
): Promise<number[]> {
  const generation = await generationConfig(open);
  const special = (tokenizer.added_tokens ?? []).filter((token) => token.special);
  return [
    ...new Set([
      ...[...named, generation?.eos_token_id].flatMap((ids) => ids ?? []),
      ...endingIds(special.map(({ id, content }) => [id, content] as const)),
    ]),
  ];
}

async function generationConfig(open: OpenFile): Promise<z.infer<typeof generationSchema> | undefined> {
  const file = await openIfThere(open, "generation_config.json");
  if (!file) return undefined;
  const text = await readText(file, MAX_TEXT_BYTES);
  try {
    return generationSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new OutriderError("invalid_config", "generation_config.json: eos_token_id is no token id or list of them", {
      cause,
    });
  }
}
