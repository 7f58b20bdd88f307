import { describe, expect, test } from "vitest";
import { QWEN } from "../../src/core/calls/qwen.ts";
import { compile } from "../../src/core/grammar/source.ts";
import { OutriderError } from "../../src/core/model/errors.ts";
import { AnswerContent } from "../../src/edge/prompt/answer-content.ts";
import { Calling } from "../../src/edge/prompt/calling.ts";
import { conversationOf } from "../../src/edge/prompt/prompt.ts";
import { MAX_TOOLS, type Offer, offerOf } from "../../src/edge/prompt/tools.ts";

const parameters = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };
const tool = (name: string, more: object = {}) => ({ type: "function", function: { name, parameters, ...more } });
const tools = [tool("add"), tool("sub", { description: "Subtracts", strict: true })];

describe("an offer", () => {
  test("is auto and of several calls unless the request says otherwise", () => {
    expect(offerOf({ tools })).toEqual({
      tools: [
        { name: "add", parameters, strict: false },
        { name: "sub", description: "Subtracts", parameters, strict: true },
      ],
      choice: "auto",
      several: true,
    });
    expect(offerOf({ tools, tool_choice: "required", parallel_tool_calls: false })).toMatchObject({
      choice: "required",
      several: false,
    });
  });

  test("names the one that must be called, or is of those that are allowed", () => {
    const named = { type: "function", function: { name: "sub" } };
    expect(offerOf({ tools, tool_choice: named })).toMatchObject({ tools: [{}, {}], choice: { named: "sub" } });
    const allowed_tools = { mode: "required" as const, tools: [named] };
    const some = offerOf({ tools, tool_choice: { type: "allowed_tools", allowed_tools } });
    expect(some).toMatchObject({ tools: [{ name: "sub" }], choice: "required" });
  });

  test.each([
    {},
    { tools: [] },
    { tools: null, tool_choice: "auto" as const },
    { tools, tool_choice: "none" as const },
  ])("there is none in %j", (asked) => expect(offerOf(asked)).toBeNull());

  test(`of ${MAX_TOOLS} tools compiles where one must be called`, () => {
    const many = Array.from({ length: MAX_TOOLS }, (_, at) => tool(`tool_${at}`));
    const calling = new Calling(offerOf({ tools: many, tool_choice: "required" })!, QWEN, null);
    expect(() => compile(calling.constraint!)).not.toThrow();
  });
});

const offer = (more: Partial<Offer>): Offer => ({ ...offerOf({ tools })!, ...more });
const call = (name: string, given: string): string =>
  `<tool_call>\n{"name": "${name}", "arguments": ${given}}\n</tool_call>`;

/** Whether an answer may be so, under what an offer asks for. */
function takes(calling: Calling, answer: string): boolean {
  const { constraint } = calling;
  if (!constraint) return true;
  const machine = compile(constraint);
  return machine.read(machine.start, new TextEncoder().encode(answer))?.accepting ?? false;
}

test.each<[Partial<Offer>, Record<string, boolean>]>([
  [{}, { "Hello.": true, [call("add", "{}")]: true, [call("sub", "{}")]: false, [call("sub", '{"n": 1}')]: true }],
  [{ choice: "required" }, { "Hello.": false, [call("add", "{}")]: false, [call("add", '{"n": 1}')]: true }],
  [{ choice: { named: "sub" } }, { [call("add", '{"n": 1}')]: false, [call("sub", '{"n": 1}')]: true }],
  [
    { choice: "required", several: false },
    { [`${call("add", '{"n": 1}')}\n${call("add", '{"n": 2}')}`]: false, [call("add", '{"n": 1}')]: true },
  ],
])("the answer may be, where an offer is %j", (more, answers) => {
  const calling = new Calling(offer(more), QWEN, null);
  expect(Object.fromEntries(Object.keys(answers).map((answer) => [answer, takes(calling, answer)]))).toEqual(answers);
});

test("beside a form the answer has it, or calls", () => {
  const calling = new Calling(offer({}), QWEN, { kind: "choice", of: ["yes", "no"] });
  expect(
    ["yes", "maybe", call("add", '{"n": 1}'), call("add", '{"n": "1"}')].map((text) => takes(calling, text)),
  ).toEqual([true, false, true, false]);
});

test("every call of a strict tool that is read has arguments of its schema, however it is written", () => {
  const calling = new Calling(offer({}), QWEN, null);
  const written = [
    '```json\n{\n  "name": "sub",\n  "arguments": {"n": "x"}\n}\n```',
    '{"name":"sub","arguments":{}}',
    '{"arguments": {"n": "x"}, "name": "sub"}',
    '{"name": "sub", "arguments": {"n": 1}}',
  ];
  const calls = written.map((text) => {
    const reading = calling.reading();
    const { calls } = new AnswerContent([...reading.push(text), ...reading.end()]);
    return takes(calling, text) && calls.length > 0;
  });
  expect(calls).toEqual([false, false, false, true]);
});

test("an answer that may make one call ends behind it", () => {
  const reading = new Calling(offer({ several: false }), QWEN, null).reading();
  const told = [...`${call("add", '{"n": 1}')}\n${call("sub", "{}")} And so on`].flatMap((char) =>
    reading.over ? [] : reading.push(char),
  );
  expect(reading.over).toBe(true);
  expect(new AnswerContent(told).parts).toEqual([{ kind: "call", name: "add", arguments: '{"n": 1}' }]);
});

test("what cannot be enforced is refused in the name of the tools", async () => {
  const [given] = offerOf({
    tools: [tool("add", { strict: true, parameters: { properties: { n: { uniqueItems: true } } } })],
  })!.tools;
  const calling = new Calling(offer({ tools: [given!] }), QWEN, null);
  const refused = calling.refused(async () => compile(calling.constraint!));
  await expect(refused).rejects.toThrow(OutriderError);
  await expect(refused).rejects.toThrow(/^tools: .*uniqueItems.*leave strict out$/);
});

test("a template lists name, description and parameters in this order, and no strictness", () => {
  const { tools: shown } = conversationOf([], offer({}), { source: "{{ tools }}<tool_call>" });
  expect(JSON.stringify(shown)).toBe(
    JSON.stringify([
      { name: "add", parameters },
      { name: "sub", description: "Subtracts", parameters },
    ]),
  );
});
