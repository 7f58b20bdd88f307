/** Messages, tools and choices of Anthropic's API → those of a chat request. parseChat checks what is in them. */
import { OutriderError } from "../../../core/model/errors.ts";
import type { JsonObject } from "../checked-body.ts";

interface ChatInput {
  readonly messages: readonly JsonObject[];
  /** Where each message came from, for sentences. */
  readonly names: readonly string[];
}

/** Blocks of text without what says how they are cached. */
export function textsOf(content: string | readonly unknown[]): unknown {
  if (typeof content === "string") return content;
  return content.map((block) => {
    if (!Object.hasOwn(Object(block), "cache_control")) return block;
    const { cache_control: _, ...rest } = block as JsonObject;
    return rest;
  });
}

/** Results of calls are messages of their own in chat requests, before the text that is said with them. */
export function chatMessages(
  given: readonly { readonly role: string; readonly content: string | readonly unknown[] }[],
): ChatInput {
  const messages: JsonObject[] = [];
  const names: string[] = [];
  for (const [at, message] of given.entries()) {
    const name = `messages[${at}]`;
    const { role, content } = message;
    const made = typeof content === "string" ? [message] : split(role, content, message);
    messages.push(...made);
    names.push(...made.map(() => name));
  }
  return { messages, names };
}

function split(role: string, blocks: readonly unknown[], message: JsonObject): JsonObject[] {
  const typeOf = (block: unknown) => (block as JsonObject | null)?.type;
  const isOf = (type: string) => (block: unknown) => typeOf(block) === type;
  const uses = blocks.filter(isOf("tool_use")) as JsonObject[];
  const results = blocks.filter(isOf("tool_result")) as JsonObject[];
  const texts = blocks.filter((block) => typeOf(block) !== "tool_use" && typeOf(block) !== "tool_result");
  const rest = { ...message, role, content: textsOf(texts) };
  if (uses.length > 0) return [{ ...rest, tool_calls: uses.map(callOf) }];
  const answers = results.map(({ tool_use_id, content }) => ({
    role: "tool",
    tool_call_id: tool_use_id,
    content: textsOf((content ?? "") as string | readonly unknown[]),
  }));
  return texts.length > 0 || results.length === 0 ? [...answers, rest] : answers;
}

const callOf = ({ id, name, input }: JsonObject) => ({
  id,
  type: "function",
  function: { name, arguments: JSON.stringify(input ?? {}) },
});

/** Tools that Anthropic runs itself have types of their own. */
export function chatTool({ type, name, description, input_schema }: JsonObject, at: number): object {
  const param = `tools[${at}]`;
  if (type != null && type !== "custom")
    throw new OutriderError(
      "unsupported_value",
      `${param}: only tools with an input_schema, got ${JSON.stringify(type)}`,
      {
        param,
      },
    );
  return { type: "function", function: { name, description, parameters: input_schema } };
}

/** Fields of a chat request that a choice sets. */
export function chatChoice(choice: JsonObject): JsonObject {
  const { type, name, disable_parallel_tool_use: single } = choice;
  return {
    tool_choice: type === "tool" ? { type: "function", function: { name } } : type === "any" ? "required" : type,
    ...(single === true && { parallel_tool_calls: false }),
  };
}
