/** Who drafts, by what the client asks for and what the deployment has. */
import { expect, test } from "vitest";
import { draftKind } from "../../src/edge/prompt/draft-kind.ts";

const asked = (kind: Parameters<typeof draftKind>[0]["kind"], max: number | null = null) => ({
  kind,
  max,
  fallback: null,
  patience: null,
});

test.each([
  [null, true, "both"],
  ["model", true, "model"],
  ["both", true, "both"],
  ["off", true, "off"],
  [null, false, "lookup"],
  ["lookup", false, "lookup"],
  ["both", false, "lookup"],
  ["off", false, "off"],
] as const)("asked for %s, with weights: %s: %s", (kind, weights, expected) => {
  expect(draftKind(asked(kind), weights)).toBe(expected);
  expect(draftKind(asked(kind, 0), weights)).toBe("off");
});

test("the model is refused where there is none, unless no draft is wanted at all", () => {
  expect(() => draftKind(asked("model"), false)).toThrow('use "lookup", or leave outrider.draft out');
  expect(draftKind(asked("model", 0), false)).toBe("off");
});
