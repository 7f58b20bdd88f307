/** Anthropic's `POST /v1/messages/count_tokens`: how many tokens the prompt of a message would have. */
import * as z from "zod";
import { objectOf } from "../checked-body.ts";
import type { TokenRequest } from "../tokens/question.ts";
import { messagesSchema, parseMessages } from "./request.ts";

export const countSchema = messagesSchema
  .partial({ max_tokens: true })
  .meta({ id: "CountRequest", description: "Body of `POST /v1/messages/count_tokens`: that of a message." });

export const countedSchema = z
  .object({ input_tokens: z.int().describe("Tokens of the prompt: system, messages and tools, by the chat template.") })
  .meta({ id: "CountedTokens", description: "Answer of `POST /v1/messages/count_tokens`." });

/** What to ask a tokenizer. Throws what a message with that body is refused with. */
export function parseCount(body: unknown): TokenRequest & { readonly model: string } {
  const { generation } = parseMessages({ max_tokens: 1, ...objectOf(body) }, () => 0);
  const { model, input, offer } = generation;
  const messages = input.kind === "chat" ? input.messages : [];
  return { model, question: { kind: "tokenize-chat", messages, offer }, reply: "count", pieces: false, strings: false };
}
