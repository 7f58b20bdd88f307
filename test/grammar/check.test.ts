/** Whether a finished answer has its form: told in time that grows with the answer, whatever the client's schema is. */
import { expect, test } from "vitest";
import { faultOf } from "../../src/core/grammar/check.ts";
import { Patterns } from "../../src/core/grammar/patterns.ts";
import type { ConstraintSource } from "../../src/core/grammar/source.ts";

const schema = (of: unknown): ConstraintSource => ({ kind: "schema", schema: of });

test("each kind of form is told, and what only a grammar could tell is not", () => {
  expect(faultOf(schema({ type: "integer" }), "1")).toBe(null);
  expect(faultOf(schema({ type: "integer" }), "1.5")).toBe("it does not meet #/type");
  expect(faultOf(schema(true), "{")).toBe("it is not JSON");
  expect(faultOf({ kind: "regex", pattern: "a+b?" }, "aab")).toBe(null);
  expect(faultOf({ kind: "regex", pattern: "a+b?" }, "aabb")).toBe("it does not match the pattern");
  expect(faultOf({ kind: "choice", of: ["a"] }, "b")).toBe("it is none of the choices");
  expect(faultOf({ kind: "grammar", text: 'root ::= "a"' }, "b")).toBe(null);
});

test("a pattern for which the runtime would try 2^60 ways is read once", () => {
  const text = `${"a".repeat(60)}b`;
  expect(faultOf({ kind: "regex", pattern: "(?:(?:a|a)*c|a*b)" }, text)).toBe(null);
  expect(faultOf({ kind: "regex", pattern: "(?:a|a)*c" }, text)).not.toBe(null);
  expect(faultOf(schema({ pattern: "^(a|a)*$" }), JSON.stringify(text))).toBe("it does not meet #/pattern");
  const named = { patternProperties: { "^(a|a)*$": false }, additionalProperties: { const: 1 } };
  expect(faultOf(schema(named), JSON.stringify({ [text]: 1 }))).toBe(null);
});

test.each([
  "^a|b$",
  "^[^a-c]{2,3}$",
  "x{2}",
  "\\w\\s\\W",
  "^\\p{Lu}\\P{L}$",
  "^.$",
  "^\\u{1F600}+$",
  "[é-ü]",
  "^(?:)$",
])("%s is found where the runtime finds it", (pattern) => {
  const patterns = new Patterns();
  for (const text of ["", "a", "ab", "xb", "axxa", "dé", "É1", "Éa", "a b", "\n", "😀", "😀😀", "ü", "bbb", "xx"]) {
    expect(patterns.match(pattern, text, false), text).toBe(new RegExp(pattern, "u").test(text));
    expect(patterns.match(pattern, text, true), text).toBe(new RegExp(`^(?:${pattern})$`, "u").test(text));
  }
});

test("where to tell would take too long nothing is told", () => {
  // Each level of lists would be held against both ways, and the first fails behind all that is in it.
  const lists = { anyOf: [{ items: { $ref: "#/$defs/t" }, minItems: 2 }, { items: { $ref: "#/$defs/t" } }] };
  const doubled = { $ref: "#/$defs/t", $defs: { t: { type: ["array", "integer"], ...lists } } };
  const nested = (depth: number) => `${"[".repeat(depth)}1${"]".repeat(depth)}`;
  expect(faultOf(schema(doubled), nested(5))).toBe(null);
  expect(faultOf(schema(doubled), nested(60))).toBe(null);
  expect(faultOf(schema({ items: { $ref: "#" }, type: ["array", "integer"] }), nested(100_000))).toBe(null);
  expect(faultOf(schema({ items: { $ref: "#" }, type: ["array", "integer"] }), nested(50).replace("1", '"a"'))).toBe(
    `it does not meet #${"/items/$ref".repeat(50)}/type`,
  );
});
