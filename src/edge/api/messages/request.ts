/**
 * Bodies of Anthropic's `POST /v1/messages` → chat requests. A thin door: what has no counterpart there is refused by
 * name, and `outrider`, `seed`, `min_p` and what else chat requests have goes through as it is.
 */
import * as z from "zod";
import { OutriderError } from "../../../core/model/errors.ts";
import type { Generation } from "../../prompt/generation.ts";
import { checkedBody, objectOf } from "../checked-body.ts";
import { checkRefusals, headerNames, type Refusals, withoutEffect } from "../openai/fields.ts";
import { parseChat } from "../openai/openai.ts";
import { MAX_MESSAGES, STOPS_TOO_LONG, stopsFit } from "../openai/request-schemas.ts";
import { renamed } from "../renamed.ts";
import { chatChoice, chatMessages, chatTool, textsOf } from "./blocks.ts";

/** What an answer in this shape needs to know. */
export interface MessagesDialect {
  readonly kind: "messages";
}

const text = z.union([z.string(), z.array(z.unknown())], { error: "must be a string or an array of blocks" });

/** What is read here. */
export const messagesSchema = z
  .object({
    model: z.unknown().describe("The id that `GET /v1/models` returns."),
    system: text.nullish().describe("What the model is told before the conversation."),
    messages: z
      .array(z.looseObject({ role: z.string(), content: text }), { error: "must be an array of messages" })
      .max(MAX_MESSAGES, `must hold at most ${MAX_MESSAGES} messages`)
      .describe("The conversation, of `user` and `assistant`: text, or blocks of text, `tool_use` and `tool_result`."),
    max_tokens: z
      .int({ error: "must be a whole number" })
      .min(1, "must be at least 1")
      .describe("Most tokens of the answer."),
    stop_sequences: z
      .array(z.string())
      .refine(stopsFit, STOPS_TOO_LONG)
      .nullish()
      .describe("Strings that end the answer and are not part of it."),
    tools: z
      .array(z.looseObject({ name: z.unknown() }), { error: "must be an array of tools" })
      .nullish()
      .describe("Tools with `name`, `description` and `input_schema`. Those that Anthropic runs itself are refused."),
    tool_choice: z
      .looseObject({ type: z.enum(["auto", "any", "tool", "none"]) })
      .nullish()
      .describe("`auto`, `any`, `tool` with a `name`, or `none`; `disable_parallel_tool_use` allows one call."),
    thinking: z.looseObject({ type: z.string() }).nullish().describe("Only `disabled`."),
    metadata: z.unknown().optional().describe("Without effect."),
    service_tier: z.unknown().optional().describe("Without effect."),
  })
  .meta({
    id: "MessagesRequest",
    description: "Body of `POST /v1/messages`. Fields that chat requests have as well mean the same here.",
  });

const CHAT_ONLY = "/v1/chat/completions tells log probabilities";
const FORM = "send response_format, as in a chat request";

/** Fields that chat requests have, or Anthropic's, whose result no message could hold. */
export const REFUSED_OF_MESSAGES: Refusals = {
  n: { why: "one message a request is made", fine: [1] },
  n_cmpl: { why: "one message a request is made", fine: [1] },
  logprobs: { why: CHAT_ONLY },
  top_logprobs: { why: CHAT_ONLY },
  n_probs: { why: CHAT_ONLY },
  stop: { why: "this route takes stop_sequences" },
  max_completion_tokens: { why: "this route takes max_tokens", fine: [] },
  output_config: { why: FORM },
  output_format: { why: FORM },
  mcp_servers: { why: "tools are called by the client; send tools" },
  container: { why: "tools are called by the client; send tools" },
  context_management: { why: "a prompt that is too long is refused, never shortened" },
};

/** Fields that are translated; all others go on to the chat request, whose table says what becomes of them. */
const TRANSLATED = [
  "system",
  "messages",
  "max_tokens",
  "stop_sequences",
  "tools",
  "tool_choice",
  "thinking",
  "stream_options",
];

/** Places inside of fields that a chat request has otherwise. */
const INNER = { ".function.parameters": ".input_schema", ".function.": ".", tool_call_id: "tool_use_id" };

interface MessagesRequest {
  readonly generation: Generation;
  /** Names of what is without effect. */
  readonly ignored: readonly string[];
}

/** Parses a body. Throws a 400 with `param`. */
export function parseMessages(body: unknown, randomSeed: () => number): MessagesRequest {
  const { system, messages, max_tokens, stop_sequences, tools, tool_choice, thinking } = checkedBody(
    messagesSchema,
    body,
  );
  const given = objectOf(body);
  checkRefusals(given, REFUSED_OF_MESSAGES);
  if (thinking && thinking.type !== "disabled") {
    throw new OutriderError("unsupported_parameter", "thinking: the model does not think apart; leave thinking out", {
      param: "thinking",
    });
  }
  const rest = Object.fromEntries(Object.entries(given).filter(([field]) => !TRANSLATED.includes(field)));
  const before = system == null || system.length === 0 ? [] : [{ role: "system", content: textsOf(system) }];
  const conversation = chatMessages(messages);
  const chat = {
    ...rest,
    messages: [...before, ...conversation.messages],
    max_tokens,
    ...(tools?.length && { tools: tools.map(chatTool) }),
    ...(tool_choice && chatChoice(tool_choice)),
    ...(stop_sequences?.length && { stop: stop_sequences }),
  };
  const names = [...before.map(() => "system"), ...conversation.names];
  const generation = renamed(names, {}, INNER, () => parseChat(chat, randomSeed));
  const blocks = [system, tools, ...messages.map(({ content }) => content)].flat().map(Object);
  return {
    generation,
    ignored: headerNames([
      ...withoutEffect(chat),
      // Usage comes with every message.
      ...(given.stream_options == null ? [] : ["stream_options"]),
      ...["cache_control", "is_error"].filter((field) => blocks.some((block) => block[field])),
    ]),
  };
}
