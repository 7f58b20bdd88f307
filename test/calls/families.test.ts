import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DESCRIBED } from "../../src/core/calls/described.ts";
import { familyOf } from "../../src/core/calls/families.ts";
import type { Family, Tool } from "../../src/core/calls/family.ts";
import { LLAMA } from "../../src/core/calls/llama.ts";
import { MISTRAL } from "../../src/core/calls/mistral.ts";
import { QWEN } from "../../src/core/calls/qwen.ts";
import { compile } from "../../src/core/grammar/source.ts";
import { readCalls } from "./read.ts";

const TOOLS: Tool[] = [
  { name: "add", strict: false, parameters: { properties: { a: { type: "integer" } }, required: ["a"] } },
  { name: "now", strict: false },
];

test.each<[string, Family]>([
  ["{% if tools %}<tool_call>{% endif %}", QWEN],
  ["{% if tools %}<tool_call><function=f>{% endif %}", DESCRIBED],
  ['{% if tools %}<|start_header_id|>{"name": f, "parameters": x}{% endif %}', LLAMA],
  ["<|start_header_id|>", DESCRIBED],
  ["{% if tools %}[TOOL_CALLS] [{% endif %}", MISTRAL],
  ["{% if tools %}[TOOL_CALLS]name[ARGS]{% endif %}", DESCRIBED],
  ["{{ messages }}", DESCRIBED],
])("the family of %s", (template, family) => expect(familyOf(template)).toBe(family));

interface Read {
  readonly family: Family;
  readonly answer: string;
  readonly text: string;
  readonly calls: readonly string[];
}

const ANSWERS: Record<string, Read> = {
  "Llama: a call": {
    ...{ family: LLAMA, answer: '{"name": "add", "parameters": {"a": 1}}' },
    ...{ text: "", calls: ['add {"a": 1}'] },
  },
  "Llama: arguments under their other name": {
    ...{ family: LLAMA, answer: ' {"name":"now","arguments":{}}' },
    ...{ text: "", calls: ["now {}"] },
  },
  "Llama: an object in the middle is text": {
    ...{ family: LLAMA, answer: 'So: {"name": "now", "parameters": {}}' },
    ...{ text: 'So: {"name": "now", "parameters": {}}', calls: [] },
  },
  "Mistral: two calls": {
    ...{ family: MISTRAL, answer: '[{"name": "add", "arguments": {"a": 1}}, {"name": "now", "arguments": {}}]' },
    ...{ text: "", calls: ['add {"a": 1}', "now {}"] },
  },
  "Mistral: a call, and an object that is none": {
    ...{ family: MISTRAL, answer: '[{"name": "now", "arguments": {}}, {"b": 1}] so' },
    ...{ text: ', {"b": 1}] so', calls: ["now {}"] },
  },
  "Mistral: a list of other things": { family: MISTRAL, answer: "[1, 2] ", text: "[1, 2] ", calls: [] },
};

test.each(Object.entries(ANSWERS))("%s: the same at every size of pieces", (_, { family, answer, text, calls }) => {
  for (let size = 1; size <= answer.length; size++)
    expect(readCalls(family, TOOLS, answer, size), `size ${size}`).toEqual({ text, calls });
});

const FAMILIES = Object.entries({ QWEN, LLAMA, MISTRAL });
/** What calls and their surroundings are made of. */
const SHREDS = [
  ...[
    "<tool_call>",
    "</tool_call>",
    "<tools>",
    "```json\n",
    "```",
    "\n",
    " ",
    "[",
    "]",
    ", ",
    "; ",
    "{",
    "}",
    "é",
    "😀",
  ],
  ...[
    '{"name": "add", "arguments": ',
    '{"name":"now","parameters":',
    '"name"',
    ': "add"',
    '{"a": "}\\""}',
    "<tool_c",
    '{{"name": "now", "arguments": ',
  ],
];
const shredded = fc.array(fc.constantFrom(...SHREDS), { maxLength: 12 }).map((shreds) => shreds.join(""));

test.each(FAMILIES)("%s: any answer is read the same however it is cut", (_, family) => {
  fc.assert(
    fc.property(shredded, fc.integer({ min: 1, max: 9 }), (answer, size) => {
      expect(readCalls(family, TOOLS, answer, size)).toEqual(readCalls(family, TOOLS, answer, answer.length || 1));
    }),
    { numRuns: 2000 },
  );
});

test.each(FAMILIES)("%s: an answer that names no tool is text, all of it", (_, family) => {
  fc.assert(
    fc.property(shredded, fc.integer({ min: 1, max: 9 }), (answer, size) => {
      expect(readCalls(family, [], answer, size)).toEqual({ text: answer, calls: [] });
    }),
    { numRuns: 2000 },
  );
});

test.each(FAMILIES)("%s: a required call is read as it must be written", (_, family) => {
  const machine = compile(family.calls(TOOLS, true));
  // The shortest answer, byte by byte.
  let state = machine.start;
  const bytes: number[] = [];
  while (!state.accepting) {
    const known = bytes.length;
    for (const byte of [125, 93, 49, 34, ...Array.from({ length: 95 }, (_, at) => at + 32), 10]) {
      const next = machine.step(state, byte);
      if (!next) continue;
      bytes.push(byte);
      state = next;
      break;
    }
    expect(bytes.length).toBe(known + 1);
    expect(bytes.length).toBeLessThan(200);
  }
  const { text, calls } = readCalls(family, TOOLS, new TextDecoder().decode(Uint8Array.from(bytes)), 3);
  expect(text).toBe("");
  expect(calls).toHaveLength(1);
});

test("JSON that is no call is told as it comes", () => {
  const reader = QWEN.reader(TOOLS);
  const told = [...'{"road": {"long": true'].flatMap((char) => reader.push(char));
  expect(told.map((each) => (each.kind === "text" ? each.text : "")).join("")).toBe('{"road": {"long": true');
});

describe("a model whose template knows no tools", () => {
  const call = { id: "c", name: "add", arguments: { a: 1 } };

  test("hears of them in the system message", () => {
    const user = { role: "user", content: "Hi" };
    const tools = [{ name: "add", parameters: { type: "object" } }];
    const { messages, tools: none } = DESCRIBED.conversation!({ messages: [user], tools });
    expect(none).toEqual([]);
    expect(messages).toEqual([{ role: "system", content: expect.stringContaining('"name":"add"') }, user]);
    const system = { role: "system", content: "Be short" };
    const [first, ...rest] = DESCRIBED.conversation!({ messages: [system, user], tools }).messages;
    expect(first!.content.startsWith("Be short\n\n# Tools")).toBe(true);
    expect(rest).toEqual([user]);
  });

  test("reads calls and their results as text, the results of one answer together", () => {
    const messages = [
      { role: "assistant", content: "I add.", calls: [call, { ...call, id: "d" }] },
      { role: "tool", content: "1", callId: "c" },
      { role: "tool", content: "2", callId: "d" },
    ];
    const said = '<tool_call>\n{"name": "add", "arguments": {"a":1}}\n</tool_call>';
    expect(DESCRIBED.conversation!({ messages, tools: [] }).messages).toEqual([
      { role: "assistant", content: `I add.\n${said}\n${said}` },
      { role: "user", content: "<tool_response>\n1\n</tool_response>\n<tool_response>\n2\n</tool_response>" },
    ]);
  });
});

test("Mistral's templates take ids of nine letters and digits", () => {
  const call = { id: "call_0123456789abcdef", name: "add", arguments: {} };
  const [first, second] = MISTRAL.conversation!({
    messages: [
      { role: "assistant", content: "", calls: [call, { ...call, id: "AbCd12345" }] },
      { role: "tool", content: "1", callId: call.id },
    ],
    tools: [],
  }).messages;
  const [mapped, kept] = first!.calls!;
  expect(mapped!.id).toMatch(/^[a-zA-Z0-9]{9}$/);
  expect(second!.callId).toBe(mapped!.id);
  expect(kept!.id).toBe("AbCd12345");
});
