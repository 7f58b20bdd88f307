/**
 * Bodies of a megabyte in which nearly all is wrong or strange: how much of them is looked at before they are refused.
 * The Worker reads them before any limit of a key is asked.
 */
import { describe, expect, test, vi } from "vitest";
import type { OutriderError } from "../../src/core/model/errors.ts";
import { jsonBody } from "../../src/edge/api/body.ts";
import { longWork } from "../../src/edge/api/long-work.ts";
import { parseMessages } from "../../src/edge/api/messages/request.ts";
import { parseChat, parseCompletion } from "../../src/edge/api/openai/openai.ts";
import { parseResponses } from "../../src/edge/api/responses/request.ts";
import { parseDetokenize } from "../../src/edge/api/tokens/question.ts";

const MANY = 100_000;
const seed = () => 7;
const hi = [{ role: "user", content: "Hi" }];
const chat = (fields: object) => parseChat({ model: "m", messages: hi, ...fields }, seed);
const text = (prompt: unknown) => parseCompletion({ model: "m", prompt }, seed);
const responses = (fields: object) => parseResponses({ model: "m", input: "Hi", ...fields }, seed);
const messages = (fields: object) => parseMessages({ model: "m", max_tokens: 1, messages: hi, ...fields }, seed);

function refusal(call: () => unknown): OutriderError {
  try {
    call();
  } catch (error) {
    return error as OutriderError;
  }
  throw new Error("it was accepted");
}

/** A list of so many equal elements that counts how many of them are read. */
function counting(element: unknown, length = MANY) {
  let reads = 0;
  const list = new Proxy(new Array(length).fill(element), {
    get(target, name, receiver) {
      if (typeof name === "string" && /^\d+$/.test(name)) reads++;
      return Reflect.get(target, name, receiver);
    },
  });
  return { list, reads: () => reads };
}

describe("a list of which all is wrong is read to the first that is", () => {
  test.each<[string, unknown, (list: unknown) => unknown]>([
    ["parts of a message", 0, (content) => chat({ messages: [{ role: "user", content }] })],
    ["parts of a prediction", 0, (content) => chat({ prediction: { type: "content", content } })],
    ["a prompt of objects", {}, text],
    ["a prompt of ids below 0", -1, text],
    ["a prompt of lists", [{}], text],
    ["included", 0, (include) => responses({ include })],
    ["messages of another API", 0, (list) => messages({ messages: list })],
    ["ids", "", (tokens) => parseDetokenize({ tokens })],
  ])("%s", (_, element, ask) => {
    const { list, reads } = counting(element);
    expect(refusal(() => ask(list))).toMatchObject({ status: 400 });
    expect(reads()).toBeLessThan(10);
  });

  test("blocks of another API", () => {
    const { list, reads } = counting(0);
    expect(refusal(() => messages({ messages: [{ role: "user", content: list }] })).status).toBe(400);
    // Blocks are sorted by their types before they are looked at.
    expect(reads()).toBeLessThan(6 * MANY);
  });
});

test("bodies are parsed one by one where they are long, with a rest of a millisecond for 32 KiB", async () => {
  const slice = vi.spyOn(longWork, "slice");
  const parse = (characters: number) => {
    const body = JSON.stringify("a".repeat(characters - 2));
    return jsonBody(new Request("http://edge/", { method: "POST", body }), "key");
  };
  expect(await parse(64 * 1024)).toHaveLength(64 * 1024 - 2);
  expect(slice).not.toHaveBeenCalled();
  expect(await parse(640 * 1024)).toHaveLength(640 * 1024 - 2);
  expect(slice.mock.calls.map(([key, restMs]) => [key, restMs])).toEqual([["key", 20]]);
  slice.mockRestore();
});

test("a list that is longer than any may be is not read at all", () => {
  for (const ask of [text, (list: unknown) => parseDetokenize({ tokens: list })]) {
    const { list, reads } = counting(1, (1 << 18) + 1);
    expect(refusal(() => ask(list)).message).toContain("at most 262144");
    expect(reads()).toBe(0);
  }
});

const entries = (count: number, value: unknown = 1) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`zzzzzz${n.toString(36).padStart(4, "0")}`, value]));

test("fields that nobody knows are named up to a number, and refused above it", () => {
  expect(() => chat(entries(40))).not.toThrow();
  expect(refusal(() => chat(entries(41)))).toMatchObject({
    code: "invalid_request",
    message: "the body has more than 40 fields that nobody knows, the limit; leave them out",
  });
});

test.each<[string, (object: object) => unknown]>([
  ["a body", (body) => parseChat(body, seed)],
  ["a bias", (logit_bias) => chat({ logit_bias })],
  ["metadata", (metadata) => responses({ metadata })],
  ["options", (outrider) => chat({ outrider })],
  ["a message", (message) => chat({ messages: [...hi, message] })],
])("of %s with too many entries none is read", (_, ask) => {
  const big = entries(5000);
  const read = vi.fn();
  const object = new Proxy(big, { get: (target, name) => read(name) ?? Reflect.get(target, name) });
  expect(refusal(() => ask(object)).message).toMatch(/has \d+ entries; the limit is 4096/);
  expect(read.mock.calls.filter(([name]) => `${name}`.startsWith("zzz"))).toEqual([]);
});

test("metadata are bounded as OpenAI's are", () => {
  expect(() => responses({ metadata: entries(16, "a".repeat(512)) })).not.toThrow();
  for (const metadata of [entries(17, "a"), { a: "a".repeat(513) }, { ["a".repeat(65)]: "a" }]) {
    expect(refusal(() => responses({ metadata })).param).toMatch(/^metadata/);
  }
});

test("calls of one message are counted before they are put together", () => {
  const call = { type: "function_call", call_id: "a", name: "a", arguments: "{}" };
  const { list, reads } = counting(call);
  expect(refusal(() => responses({ input: list })).message).toContain("at most 8192 items");
  expect(reads()).toBe(0);
  const read = vi.fn(() => "function_call");
  const watched = Array.from({ length: 4000 }, () =>
    Object.defineProperty({ ...call }, "type", { get: read, enumerable: true }),
  );
  expect(refusal(() => responses({ input: watched })).message).toBe(
    "input[128]: the assistant made more than 128 calls at once, the limit",
  );
  expect(read.mock.calls.length).toBeLessThan(4 * 130);
});

test("blocks are sorted one by one, not each among all others", () => {
  const blocks = Array.from({ length: 2000 }, (_, n) => ({ type: n % 2 ? "tool_use" : "text", text: "a" }));
  let compared = 0;
  const includes = vi.spyOn(Array.prototype, "includes").mockImplementation(function (this: unknown[], one, from) {
    compared += this.length;
    return this.indexOf(one, from) >= 0;
  });
  try {
    refusal(() => messages({ messages: [{ role: "assistant", content: blocks }] }));
  } finally {
    includes.mockRestore();
  }
  expect(compared).toBeLessThan(100_000);
});

describe("values that a chat template makes objects of", () => {
  const given = (count: number) => ({ list: new Array(count - 2).fill(1) });
  const call = (id: string, values: number) => ({
    id,
    type: "function",
    function: { name: "a", arguments: JSON.stringify(given(values)) },
  });
  const called = (...values: number[]) =>
    chat({
      messages: [
        ...hi,
        ...values.map((count, n) => ({ role: "assistant", content: "", tool_calls: [call(`${n}`, count)] })),
      ],
    });
  const offered = (...values: number[]) =>
    chat({
      tools: values.map((count, n) => ({ type: "function", function: { name: `a${n}`, parameters: given(count) } })),
    });

  test("in the arguments of all calls together", () => {
    expect(() => called(4096, 4096)).not.toThrow();
    expect(refusal(() => called(4096, 4097))).toMatchObject({
      param: "messages",
      message: expect.stringContaining("8192"),
    });
  });

  test("in the parameters of all tools together", () => {
    expect(() => offered(4096, 4096)).not.toThrow();
    expect(refusal(() => offered(4096, 4097))).toMatchObject({
      param: "tools",
      message: expect.stringContaining("8192"),
    });
  });
});
