/**
 * Log probabilities as clients get them: of chat a list of tokens, of completions four lists side by side, as OpenAI
 * has it. They are the target's own, before any shaping, temperature or filter.
 */
import * as z from "zod";
import type { TokenDecoder } from "../../../core/model/tokenizer.ts";
import type { TokenLogprob } from "../../../core/speculate/types.ts";

const token = {
  token: z.string().describe("Its text; U+FFFD stands for half a character."),
  logprob: z.number().describe("Natural logarithm of its probability; -9999 where that is not known."),
  bytes: z.array(z.int()).readonly().describe("The bytes of its text."),
};
const entry = z
  .object({
    ...token,
    top_logprobs: z.array(z.object(token).readonly()).readonly().describe("The likeliest tokens of its position."),
  })
  .readonly();

export type LogprobEntry = z.infer<typeof entry>;

export const chatLogprobsSchema = z
  .object({
    content: z.array(entry).describe("The answer's tokens; the one that ended it is none of them."),
    refusal: z.null(),
  })
  .nullable()
  .describe("Null unless `logprobs` asks for them.");

export const textLogprobsSchema = z
  .object({
    tokens: z.array(z.string()).describe("Texts of the tokens."),
    token_logprobs: z.array(z.number()).describe("Their log probabilities."),
    top_logprobs: z.array(z.record(z.string(), z.number())).describe("By text, those of the likeliest tokens."),
    text_offset: z.array(z.int()).describe("Where each begins in the text of the choice, in UTF-16 units."),
  })
  .nullable()
  .describe("Null unless `logprobs` asks for them.");

/** A token's log probability and those of the likeliest, in texts. */
export const logprobEntry = (decoder: TokenDecoder, id: number, { logprob, top }: TokenLogprob): LogprobEntry => {
  const text = (id: number) => {
    const bytes = decoder.bytesOf(id);
    return { token: new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }).decode(bytes), bytes: [...bytes] };
  };
  return { ...text(id), logprob, top_logprobs: top.map(([id, logprob]) => ({ ...text(id), logprob })) };
};

export const chatLogprobs = (content: readonly LogprobEntry[]) => ({ content: [...content], refusal: null });

/** @param offsets where the tokens begin */
export const textLogprobs = (tokens: readonly LogprobEntry[], offsets: readonly number[]) => ({
  tokens: tokens.map(({ token }) => token),
  token_logprobs: tokens.map(({ logprob }) => logprob),
  top_logprobs: tokens.map(({ top_logprobs: top }) =>
    // The likeliest of those with one text, such as halves of characters.
    Object.fromEntries(top.toReversed().map(({ token, logprob }) => [token, logprob])),
  ),
  text_offset: [...offsets],
});
