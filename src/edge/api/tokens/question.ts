/**
 * Bodies of `/tokenize`, `/detokenize` and `/apply-template`, in llama.cpp's shapes and in vLLM's: which of the two is
 * meant shows by its fields. Parsed in the Worker, answered where a tokenizer is (answer.ts).
 */
import * as z from "zod";
import type { ChatMessage } from "../../../core/model/chat.ts";
import { OutriderError } from "../../../core/model/errors.ts";
import { MAX_TOOLS, type Offer } from "../../prompt/tools.ts";
import { checkedBody } from "../checked-body.ts";
import { parseChat } from "../openai/openai.ts";
import { MAX_MESSAGES } from "../openai/request-schemas.ts";
import { idsSchema } from "../token-ids.ts";

/** What to compute. Plain data: it crosses from the Worker to a Session. */
export type TokenQuestion =
  | {
      readonly kind: "tokenize";
      readonly of: string;
      readonly begins: boolean;
      readonly markup: boolean;
      readonly param: string;
    }
  | ({ readonly kind: "tokenize-chat" } & Conversation)
  | { readonly kind: "detokenize"; readonly ids: readonly number[] }
  | ({ readonly kind: "template" } & Conversation);

/** Messages, and the tools that the model is told of. */
interface Conversation {
  readonly messages: readonly ChatMessage[];
  readonly offer: Offer | null;
}

const model = z.string().nullish().describe("The id that `GET /v1/models` returns. May be left out.");

const tools = z
  .array(z.unknown())
  .max(MAX_TOOLS, `must hold at most ${MAX_TOOLS} tools`)
  .nullish()
  .describe("With `messages`: tools, as in a chat request.");

const messages = z.array(z.unknown()).max(MAX_MESSAGES, `must hold at most ${MAX_MESSAGES} messages`);

const tokenizeSchema = z
  .strictObject({
    model,
    content: z.string().nullish().describe("Text, in llama.cpp's shape."),
    add_special: z.boolean().nullish().describe("With `content`: begin as every prompt begins. Default false."),
    parse_special: z
      .boolean()
      .nullish()
      .describe("With `content`: special tokens in it are tokens, not text. Default true."),
    with_pieces: z
      .boolean()
      .nullish()
      .describe("`tokens` are objects with `id` and `piece`: its text, or its bytes where these are no text."),
    prompt: z.string().nullish().describe("Text, in vLLM's shape. Special tokens in it are tokens."),
    add_special_tokens: z.boolean().nullish().describe("With `prompt`: begin as every prompt begins. Default true."),
    messages: messages.nullish().describe("A conversation, read by the model's chat template."),
    tools,
    return_token_strs: z.boolean().nullish().describe("Return each token's text as `token_strs`."),
  })
  .meta({ id: "TokenizeRequest", description: "Body of `POST /tokenize`: one of `content`, `prompt`, `messages`." });

const detokenizeSchema = z
  .strictObject({
    model,
    tokens: idsSchema.describe("Token ids."),
  })
  .meta({ id: "DetokenizeRequest", description: "Body of `POST /detokenize`." });

const templateSchema = z
  .strictObject({ model, messages: messages.describe("The conversation."), tools })
  .meta({ id: "TemplateRequest", description: "Body of `POST /apply-template`." });

export const tokenRequests = { tokenize: tokenizeSchema, detokenize: detokenizeSchema, template: templateSchema };

/** A parsed body: the question, the model that it names, and how the answer is to look. */
export interface TokenRequest {
  readonly model: string | null;
  readonly question: TokenQuestion;
  /** What to tell of the tokens: all that clients of llama.cpp and vLLM look for, or their number as Anthropic's do. */
  readonly reply: "tokens" | "count";
  /** Ids with their pieces, as llama.cpp writes them. */
  readonly pieces: boolean;
  /** Texts of the tokens beside the ids, as vLLM does. */
  readonly strings: boolean;
}

export function parseTokenize(body: unknown): TokenRequest {
  const request = checkedBody(tokenizeSchema, body);
  const { content, prompt, messages } = request;
  const given = [content, prompt, messages].filter((value) => value != null);
  if (given.length !== 1) {
    throw new OutriderError("invalid_request", "content: send one of content, prompt and messages", {
      param: "content",
    });
  }
  return {
    ...rest(request),
    pieces: request.with_pieces ?? false,
    strings: request.return_token_strs ?? false,
    question: questionOf(),
  };

  function questionOf(): TokenQuestion {
    if (content != null) {
      const [begins, markup] = [request.add_special ?? false, request.parse_special ?? true];
      return { kind: "tokenize", of: content, begins, markup, param: "content" };
    }
    if (prompt != null) {
      const begins = request.add_special_tokens ?? true;
      return { kind: "tokenize", of: prompt, begins, markup: true, param: "prompt" };
    }
    return { kind: "tokenize-chat", ...conversationOf(request) };
  }
}

export function parseDetokenize(body: unknown): TokenRequest {
  const request = checkedBody(detokenizeSchema, body);
  return { ...rest(request), question: { kind: "detokenize", ids: request.tokens } };
}

export function parseTemplate(body: unknown): TokenRequest {
  const request = checkedBody(templateSchema, body);
  return { ...rest(request), question: { kind: "template", ...conversationOf(request) } };
}

const rest = (request: { readonly model?: string | null | undefined }) => ({
  model: request.model ?? null,
  reply: "tokens" as const,
  pieces: false,
  strings: false,
});

/** Messages and tools as a chat request has them, with the same refusals. */
function conversationOf({ messages, tools }: { readonly messages?: unknown; readonly tools?: unknown }): Conversation {
  const { input, offer } = parseChat({ model: "any", messages, tools }, () => 0);
  return { messages: input.kind === "chat" ? input.messages : [], offer };
}
