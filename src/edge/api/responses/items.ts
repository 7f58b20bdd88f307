/** Input items of the Responses API → messages of a chat request. */
import { OutriderError } from "../../../core/model/errors.ts";
import { MAX_CALLS } from "../../prompt/tools.ts";
import type { JsonObject } from "../checked-body.ts";
import { itemAt } from "./ids.ts";

type InputItem = JsonObject & { readonly type?: string };

interface ChatInput {
  /** As a chat request has them; parseChat checks what is in them. */
  readonly messages: readonly JsonObject[];
  /** Where each message came from, for sentences: `input[2]`. */
  readonly names: readonly string[];
  /** Index of a message → the stored items that it repeats. */
  readonly references: Readonly<Record<number, readonly string[]>>;
}

/** Throws `unsupported_value` or `invalid_request` with the item's place as `param`. */
export function chatMessages(input: string | readonly unknown[]): ChatInput {
  if (typeof input === "string") {
    return { messages: [{ role: "user", content: input }], names: ["input"], references: {} };
  }
  const messages: JsonObject[] = [];
  const names: string[] = [];
  const references: Record<number, string[]> = {};
  for (const [i, given] of input.entries()) {
    const name = `input[${i}]`;
    const item = itemOf(given, name);
    const type = item.type ?? "message";
    // A call belongs to the assistant's message before it.
    const call = type === "function_call" ? callOf(item) : null;
    const reference = type === "item_reference" ? referenced(item, name) : null;
    const last = messages.at(-1);
    if (reference?.startsWith("fc_") && last?.role === "assistant") {
      const at = messages.length - 1;
      references[at] = [...(references[at] ?? []), reference];
      checkCalls(references[at], name);
      continue;
    }
    if (call && last?.role === "assistant") {
      const calls = [...((last.tool_calls ?? []) as unknown[]), call];
      checkCalls(calls, name);
      messages[messages.length - 1] = { ...last, tool_calls: calls };
      continue;
    }
    const message = call ? { role: "assistant", content: null, tool_calls: [call] } : messageOf(item, type, name);
    if (message === null) continue;
    if (reference !== null) references[messages.length] = [reference];
    messages.push(message);
    names.push(name);
  }
  return { messages, names, references };
}

/** Refused here, since each copies those before it. */
function checkCalls({ length }: readonly unknown[], name: string): void {
  if (length <= MAX_CALLS) return;
  const message = `${name}: the assistant made more than ${MAX_CALLS} calls at once, the limit`;
  throw new OutriderError("invalid_request", message, { param: name });
}

function itemOf(given: unknown, name: string): InputItem {
  if (typeof given === "object" && given !== null && !Array.isArray(given)) return given as InputItem;
  throw new OutriderError("invalid_request", `${name}: must be an object`, { param: name });
}

const callOf = ({ call_id, name, arguments: given }: InputItem) => ({
  id: call_id,
  type: "function",
  function: { name, arguments: given },
});

function messageOf(item: InputItem, type: string, name: string): JsonObject | null {
  switch (type) {
    case "message":
      return { role: item.role, content: contentOf(item.content) };
    case "function_call_output":
      return { role: "tool", tool_call_id: item.call_id, content: contentOf(item.output) };
    case "item_reference":
      return { role: "assistant", content: "" };
    case "reasoning":
      // What another model thought is no part of what is said.
      return null;
    default: {
      const message = `${name}: items of type ${JSON.stringify(type)} are not supported`;
      throw new OutriderError("unsupported_value", message, { param: name });
    }
  }
}

/** Parts of a text have other types here than in chat requests. */
function contentOf(content: unknown): unknown {
  if (!Array.isArray(content)) return content;
  return content.map((part) =>
    ["input_text", "output_text"].includes(part?.type) ? { type: "text", text: part.text } : part,
  );
}

function referenced({ id }: InputItem, name: string): string {
  if (typeof id === "string" && itemAt(id) !== null) return id;
  throw new OutriderError("invalid_request", `${name}.id: there is no item ${JSON.stringify(id)} here`, {
    param: `${name}.id`,
  });
}
