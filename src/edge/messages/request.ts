/**
 * Bodies of Anthropic's `POST /v1/messages` → chat requests. A thin door: what has no counterpart there is refused by
 * name, and `outrider`, `seed`, `min_p` and what else chat requests have goes through as it is.
 */
import * as z from "zod";
import { OutriderError } from "../../model/errors.ts";
import { type Generation, parseChat } from "../openai.ts";

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
      .describe("The conversation, of `user` and `assistant`, each text or blocks of text."),
    max_tokens: z
      .int({ error: "must be a whole number" })
      .min(1, "must be at least 1")
      .describe("Most tokens of the answer."),
    stop_sequences: z.array(z.string()).nullish().describe("Strings that end the answer and are not part of it."),
    thinking: z.looseObject({ type: z.string() }).nullish().describe("Only `disabled`."),
    metadata: z.unknown().optional().describe("Without effect."),
    service_tier: z.unknown().optional().describe("Without effect."),
  })
  .meta({
    id: "MessagesRequest",
    description: "Body of `POST /v1/messages`. Fields that chat requests have as well mean the same here.",
  });

/** Parses a body. Throws a 400 with `param`. */
export function parseMessages(body: unknown, randomSeed: () => number): Generation {
  const parsed = messagesSchema.safeParse(body);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    const param = path.map(String).join(".");
    throw new OutriderError(
      "invalid_request",
      param === "" ? "the body must be a JSON object" : `${param}: ${message}`,
      {
        ...(param !== "" && { param }),
      },
    );
  }
  const { system, messages, max_tokens, stop_sequences, thinking } = parsed.data;
  const { tools, tool_choice } = body as Readonly<Record<string, unknown>>;
  for (const [param, value] of Object.entries({ tools, tool_choice })) {
    if (value == null || (Array.isArray(value) && value.length === 0)) continue;
    throw new OutriderError("unsupported_parameter", `${param}: tools are called at /v1/chat/completions`, { param });
  }
  if (thinking && thinking.type !== "disabled") {
    throw new OutriderError("unsupported_parameter", "thinking: the model does not think apart; leave thinking out", {
      param: "thinking",
    });
  }
  const read = new Set([
    ...Object.keys(messagesSchema.shape).filter((field) => field !== "model"),
    "tools",
    "tool_choice",
  ]);
  const rest = Object.fromEntries(Object.entries(body as object).filter(([field]) => !read.has(field)));
  const before = system == null || system.length === 0 ? [] : [{ role: "system", content: blocks(system) }];
  const chat = {
    ...rest,
    messages: [...before, ...messages.map(({ role, content }) => ({ role, content: blocks(content) }))],
    max_tokens,
    ...(stop_sequences?.length && { stop: stop_sequences }),
  };
  return parseChat(chat, randomSeed);
}

/** Blocks of text without what says how they are cached. */
function blocks(content: string | readonly unknown[]): unknown {
  if (typeof content === "string") return content;
  return content.map((block) => {
    const { cache_control: _, ...rest } = (block ?? {}) as Readonly<Record<string, unknown>>;
    return rest;
  });
}
