import { expect, test } from "vitest";
import { maxTokens } from "../../src/edge/prompt/max-tokens.ts";

test.each([
  [null, null, {}, 4096],
  [10, null, {}, 10],
  [1_000_000, null, {}, 4096],
  [null, null, { MAX_TOKENS: "300" }, 300],
  [200, null, { MAX_TOKENS: 300 }, 200],
  [400, null, { MAX_TOKENS: "300" }, 300],
  [400, 50, { MAX_TOKENS: "300" }, 50],
  [20, 50, { MAX_TOKENS: "" }, 20],
  [null, 5000, { MAX_TOKENS: "300" }, 300],
])("asked for %s, with a key's cap of %s and %j: %i tokens", (asked, ofKey, env, tokens) => {
  expect(maxTokens(asked, ofKey, env)).toBe(tokens);
});

test.each(["0", "many", "1.5", "-3"])("MAX_TOKENS=%s is refused by name", (MAX_TOKENS) => {
  expect(() => maxTokens(null, null, { MAX_TOKENS })).toThrow(/MAX_TOKENS is "/);
});
