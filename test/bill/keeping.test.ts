/** How much of a conversation is stored, and for how long. */
import { describe, expect, test } from "vitest";
import { HOUR_MS, keepHours, keepOf, LONG_TOKENS } from "../../src/edge/bill/keeping.ts";

describe("what a turn leaves", () => {
  test.each([
    ["a first turn", 0, 800, { pages: false, ms: 2 * HOUR_MS }],
    ["a turn that shares less than a page with the last", 31, 800, { pages: false, ms: 2 * HOUR_MS }],
    ["a turn that goes on", 32, 800, { pages: true, ms: 24 * HOUR_MS }],
    ["a long first turn", 0, LONG_TOKENS, { pages: true, ms: 2 * HOUR_MS }],
    ["one that is not quite long", 0, LONG_TOKENS - 1, { pages: false, ms: 2 * HOUR_MS }],
  ])("%s", (_, common, tokens, keep) => {
    expect(keepOf(common, tokens, 24)).toEqual(keep);
  });

  test("never stays longer than the operator says", () => {
    expect(keepOf(0, 800, 0.5).ms).toBe(HOUR_MS / 2);
    expect(keepOf(100, 800, 0.5).ms).toBe(HOUR_MS / 2);
  });
});

test.each([undefined, ""])("KEEP_HOURS %j means a day", (setting) => {
  expect(keepHours(setting)).toBe(24);
});

test.each(["0", "-1", "NaN", "a week", 1e9])("KEEP_HOURS %j is refused", (setting) => {
  expect(() => keepHours(setting)).toThrow(/KEEP_HOURS is .* hours above 0/);
});
