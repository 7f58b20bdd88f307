/** What a turn reads of stored responses: each once, however often it refers to them, and no more than is stored. */
import { expect, test, vi } from "vitest";
import type { Head, Outcome } from "../../src/edge/api/outcome.ts";
import { parseResponses } from "../../src/edge/api/responses/request.ts";
import { ResponseStore } from "../../src/edge/api/responses/store.ts";
import { memoryStorage } from "../support/memory-storage.ts";

const head: Head = { kind: "chat", id: "chatcmpl-1", created: 1, model: "m", index: 0 };
const outcome = {
  finish: "stop",
  timings: { cache_n: 0, prompt_n: 1, predicted_n: 1 },
  account: {},
} as unknown as Outcome;
const idOf = (n: number) => `resp_${"a".repeat(24)}${n.toString(16).padStart(32, "0")}`;

/** Asks for a response, and stores one that says `text`. */
function turn(store: ResponseStore, id: string, text: string, fields: object = {}) {
  const { generation, dialect } = parseResponses({ model: "m", input: "Hi", ...fields }, () => 7);
  const made = store.turn(generation, { ...dialect, id });
  const form = made.form(head);
  form.begin();
  form.piece({ text, tokens: [{ id: 1, text, kept: false, pass: 1 }] });
  form.end(outcome);
  return made.generation.input;
}

const references = (id: string, count: number) =>
  Array.from({ length: count }, () => ({ type: "item_reference", id: id.replace(/^resp/, "msg") }));

test("a response that is referred to a thousand times is read once", () => {
  const store = new ResponseStore(memoryStorage().storage);
  const tools = [{ type: "function", name: "a", description: "x".repeat(100_000) }];
  turn(store, idOf(1), "The road.", { tools });
  let characters = 0;
  const parse = JSON.parse;
  const spy = vi.spyOn(JSON, "parse").mockImplementation((text, ...more) => {
    characters += text.length;
    return parse(text, ...more);
  });
  const input = turn(store, idOf(2), "Yes.", { input: references(idOf(1), 1000) });
  spy.mockRestore();
  expect(input).toMatchObject({ messages: { length: 1000 } });
  expect(input.kind === "chat" && input.messages.every(({ content }) => content === "The road.")).toBe(true);
  expect(characters).toBeLessThan(300_000);
});

test("references lead to no more than is stored at all", () => {
  const store = new ResponseStore(memoryStorage().storage);
  turn(store, idOf(1), "x".repeat(10_000));
  expect(() => turn(store, idOf(2), "", { input: references(idOf(1), 300) })).not.toThrow();
  expect(() => turn(store, idOf(3), "", { input: references(idOf(1), 500) })).toThrow(
    expect.objectContaining({ code: "context_length_exceeded", status: 400, param: "input" }),
  );
});

test("a conversation of stored responses has as many messages as any other", () => {
  const store = new ResponseStore(memoryStorage().storage);
  const said = (count: number) => Array.from({ length: count }, () => ({ role: "user", content: "a" }));
  turn(store, idOf(1), "a", { input: said(1500) });
  turn(store, idOf(2), "a", { input: said(546), previous_response_id: idOf(1) });
  const input = turn(store, idOf(3), "a", { previous_response_id: idOf(2) });
  expect(input).toMatchObject({ messages: { length: 2049 } });
  expect(() => turn(store, idOf(4), "a", { previous_response_id: idOf(3) })).toThrow(
    expect.objectContaining({ code: "invalid_request", param: "previous_response_id" }),
  );
});
