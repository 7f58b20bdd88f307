import { describe, expect, test } from "vitest";
import type { Generation } from "../../src/edge/prompt/generation.ts";
import { checkLength } from "../../src/edge/prompt/length.ts";

/** Each ASCII character in tokens of at most four. */
const MODEL = {
  model: "m",
  vocabulary: { size: 10, hash: "" },
  context: 100,
  stopIds: [],
  draft: null,
  longestTokens: new Array<number>(128).fill(4),
};
const chat = (...contents: string[]) =>
  ({
    input: { kind: "chat", messages: contents.map((content) => ({ role: "user", content })) },
  }) as unknown as Generation;
const TOO_LONG = expect.objectContaining({ code: "context_length_exceeded", status: 400, param: "messages" });

describe("a prompt that cannot fit", () => {
  test("is refused by its characters", () => {
    expect(() => checkLength(chat("a".repeat(400)), MODEL)).toThrow(TOO_LONG);
    expect(() => checkLength(chat("a".repeat(200), "b".repeat(200)), MODEL)).toThrow(TOO_LONG);
    expect(() => checkLength(chat("a".repeat(399)), MODEL)).not.toThrow();
  });

  test("is left to the Session where the template may shorten it, and where nothing is known of its tokens", () => {
    const before = { role: "assistant", content: "a".repeat(400) };
    const input = { kind: "chat", messages: [before, { role: "user", content: "hello" }] };
    expect(() => checkLength({ input } as unknown as Generation, MODEL)).not.toThrow();
    expect(() => checkLength(chat(`hello${" ".repeat(1000)}`), MODEL)).not.toThrow();
    expect(() => checkLength(chat("a".repeat(400)), { ...MODEL, longestTokens: undefined })).not.toThrow();
  });

  test("of a completion counts too, token ids do not", () => {
    const text = { input: { kind: "text", prompt: "a".repeat(400) } } as unknown as Generation;
    const ids = { input: { kind: "text", prompt: new Array(400).fill(1) } } as unknown as Generation;
    expect(() => checkLength(text, MODEL)).toThrow(expect.objectContaining({ param: "prompt" }));
    expect(() => checkLength(ids, MODEL)).not.toThrow();
  });
});
