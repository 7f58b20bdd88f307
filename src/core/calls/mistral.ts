/**
 * Mistral's models up to the tokenizer of version 7: an array of objects behind [TOOL_CALLS], which is a token without
 * text. Later ones write [ARGS] between name and arguments, a token without text as well, and are described to.
 *
 *   [{"name": "f", "arguments": {…}}, …]
 */
import { callsOf, freeOf } from "./call-forms.ts";
import type { Conversation, Family } from "./family.ts";
import { JsonCallReader, type Syntax } from "./json-calls.ts";

const SYNTAX: Syntax = {
  brackets: [],
  first: { open: "[", close: "]", between: "," },
  keys: ["arguments"],
};

export const MISTRAL: Family = {
  writes: (template) => template.includes("[TOOL_CALLS]") && !template.includes("[ARGS]"),
  conversation,
  reader: (tools) => new JsonCallReader(SYNTAX, tools),
  calls: (tools, several) => ({
    kind: "sequence",
    of: [
      { kind: "choice", of: ["["] },
      callsOf(tools, (name) => `{"name": ${name}, "arguments": `, "}", several ? ", " : null),
      { kind: "choice", of: ["]"] },
    ],
  }),
  free: (tools) => freeOf(SYNTAX, tools),
};

/** Its templates take ids of nine letters and digits only. */
function conversation({ messages, tools }: Conversation): Conversation {
  return {
    messages: messages.map(({ calls, callId, ...message }) => ({
      ...message,
      ...(calls && { calls: calls.map((call) => ({ ...call, id: nine(call.id) })) }),
      ...(callId !== undefined && { callId: nine(callId) }),
    })),
    tools,
  };
}

/** Two numbers of 32 bits by FNV-1a, from either end, as nine characters. */
function nine(id: string): string {
  if (/^[a-zA-Z0-9]{9}$/.test(id)) return id;
  const hash = (text: string) =>
    [...text].reduce((sum, char) => Math.imul(sum ^ char.codePointAt(0)!, 0x01000193) >>> 0, 0x811c9dc5).toString(36);
  return `${hash(id)}${hash([...id].reverse().join(""))}`.padEnd(9, "0").slice(0, 9);
}
