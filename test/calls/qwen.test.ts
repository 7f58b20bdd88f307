import { expect, test } from "vitest";
import type { Tool } from "../../src/core/calls/family.ts";
import { QWEN } from "../../src/core/calls/qwen.ts";
import { compile } from "../../src/core/grammar/source.ts";
import { readCalls } from "./read.ts";

const TOOLS: Tool[] = [
  { name: "add", strict: false, parameters: { properties: { a: { type: "integer" } }, required: ["a"] } },
  { name: "now", strict: false },
];

const call = (args: string, name = "add"): string =>
  `<tool_call>\n{"name": "${name}", "arguments": ${args}}\n</tool_call>`;

const ANSWERS: Record<string, { answer: string; text: string; calls: string[] }> = {
  "text alone": { answer: "No <b>tool</b> is {needed} `here`.", text: "No <b>tool</b> is {needed} `here`.", calls: [] },
  "one call": { answer: call('{"a": 1}'), text: "", calls: ['add {"a": 1}'] },
  "text, then two calls": {
    answer: `I add.\n\n${call('{"a": "}\\"]{"}')}\n${call("{}", "now")}\n`,
    text: "I add.",
    calls: ['add {"a": "}\\"]{"}', "now {}"],
  },
  "a fence": {
    answer: '```json\n{"name": "add", "arguments": {"a": [1, {}]}}\n```',
    text: "",
    calls: ['add {"a": [1, {}]}'],
  },
  "tags named tools": { answer: '<tools>\n{"name": "now", "arguments": {}}\n</tools>', text: "", calls: ["now {}"] },
  "a bare object": { answer: '{"name": "now", "arguments": {}}', text: "", calls: ["now {}"] },
  "doubled braces, as its template shows them": {
    answer: '{{"name": "add", "arguments": {"a": {"b": 1}}}}',
    text: "",
    calls: ['add {"a": {"b": 1}}'],
  },
  "doubled braces between tags": {
    answer: '<tool_call>\n{{"name": "now", "arguments": {}}}\n</tool_call>',
    text: "",
    calls: ["now {}"],
  },
  "another order": {
    answer: '<tool_call>{"arguments": {"a": 2}, "name": "add"}</tool_call>',
    text: "",
    calls: ['add {"a":2}'],
  },
  "text behind a call": { answer: `${call("{}", "now")} Done.`, text: " Done.", calls: ["now {}"] },
  "a tool that was not given": {
    answer: 'See:\n```json\n{"name": "other", "arguments": {}}\n```\nso.',
    text: 'See:\n```json\n{"name": "other", "arguments": {}}\n```\nso.',
    calls: [],
  },
  "code in a fence": { answer: "So:\n\n```py\nprint({})\n```\n", text: "So:\n\n```py\nprint({})\n```\n", calls: [] },
  "JSON that is no call": { answer: '{"names": [1]}', text: '{"names": [1]}', calls: [] },
  "cut in the middle": {
    answer: '<tool_call>\n{"name": "add", "argum',
    text: '<tool_call>\n{"name": "add", "argum',
    calls: [],
  },
  "cut in its arguments": { answer: '<tool_call>\n{"name": "add", "arguments": {"a"', text: "", calls: ['add {"a"'] },
};

for (const [name, { answer, text, calls }] of Object.entries(ANSWERS)) {
  test(`${name}: the same at every size of pieces`, () => {
    for (let size = 1; size <= answer.length; size++)
      expect(readCalls(QWEN, TOOLS, answer, size), `size ${size}`).toEqual({ text, calls });
  });
}

test("a required call has the model's own form, and its arguments the tool's schema", () => {
  const machine = compile(QWEN.calls(TOOLS, true));
  const takes = (text: string) => machine.read(machine.start, new TextEncoder().encode(text))?.accepting ?? false;
  expect(takes(call('{"a": 1}'))).toBe(true);
  expect(takes(`${call('{"a": 1}')}\n${call("{}", "now")}`)).toBe(true);
  expect(takes(call("{}"))).toBe(false);
  expect(takes(call('{"a": 1}', "other"))).toBe(false);
  expect(takes("text")).toBe(false);
});
