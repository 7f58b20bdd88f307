/**
 * Qwen 2.5's calls, in the format of Nous' Hermes: an object with name and arguments between tags, one after the other.
 * Qwen2.5-Coder mostly writes the object in a fence, between <tools> tags or bare; such a text is a call where it is
 * an object with the name of a tool that was given, and stays text otherwise.
 *
 *   <tool_call>\n{"name": "f", "arguments": {…}}\n</tool_call>
 */
import { callsOf, freeOf } from "./call-forms.ts";
import type { Family } from "./family.ts";
import { JsonCallReader, type Syntax } from "./json-calls.ts";

export const OPEN = "<tool_call>";
export const CLOSE = "</tool_call>";

const SYNTAX: Syntax = {
  brackets: [
    { open: OPEN, close: CLOSE },
    { open: "<tools>", close: "</tools>" },
    { open: "```json", close: "```" },
    { open: "```", close: "```" },
  ],
  // An object that stands bare at the beginning of an answer.
  first: { open: "{", close: "", holds: true },
  keys: ["arguments"],
};

export const QWEN: Family = {
  // Qwen3-Coder writes XML between the tags.
  writes: (template) => template.includes(OPEN) && !template.includes("<function="),
  reader: (tools) => new JsonCallReader(SYNTAX, tools),
  calls: (tools, several) =>
    callsOf(tools, (name) => `${OPEN}\n{"name": ${name}, "arguments": `, `}\n${CLOSE}`, several ? "\n" : null),
  free: (tools) => freeOf(SYNTAX, tools),
};
