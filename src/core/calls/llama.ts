/**
 * Llama 3.1 to 3.3: an object with name and parameters as the whole answer, one at a time, since their templates take
 * back no more. <|python_tag|>, which may stand in front, is a token without text.
 *
 *   {"name": "f", "parameters": {…}}
 */
import { callsOf, freeOf } from "./call-forms.ts";
import type { Family } from "./family.ts";
import { JsonCallReader, type Syntax } from "./json-calls.ts";

const SYNTAX: Syntax = {
  brackets: [],
  first: { open: "{", close: "", holds: true },
  keys: ["parameters", "arguments"],
};

export const LLAMA: Family = {
  writes: (template) => template.includes("<|start_header_id|>") && template.includes('"parameters"'),
  reader: (tools) => new JsonCallReader(SYNTAX, tools),
  calls: (tools) => callsOf(tools, (name) => `{"name": ${name}, "parameters": `, "}", null),
  free: (tools) => freeOf(SYNTAX, tools),
};
