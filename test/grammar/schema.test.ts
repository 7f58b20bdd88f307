import { expect, test } from "vitest";
import type { Machine } from "../../src/core/grammar/machine.ts";
import { compile } from "../../src/core/grammar/source.ts";
import { writes } from "./writes.ts";

const of = (schema: unknown): Machine => compile({ kind: "schema", schema });

const encoder = new TextEncoder();
const takes = (machine: Machine, text: string): boolean =>
  machine.read(machine.start, encoder.encode(text))?.accepting ?? false;

/** What each keyword takes and what it does not; values are written as JSON. */
const CASES: Record<string, { schema: unknown; valid: unknown[]; invalid: unknown[] }> = {
  "any value": { schema: true, valid: [null, 1.5e300, 'a\u0000"\\é😀', [[]], { a: { b: [] } }], invalid: [] },
  "a const of an object": { schema: { const: { a: [1] } }, valid: [{ a: [1] }], invalid: [{ a: [2] }, {}] },
  "enum beside type": { schema: { type: "string", enum: ["a", 1, "b"] }, valid: ["a", "b"], invalid: [1, "c"] },
  "an enum of lists beside other keywords": {
    schema: { enum: [[1], [1, 2], { a: 1 }, { b: "x" }], maxItems: 1, properties: { a: { type: "string" } } },
    valid: [[1], { b: "x" }],
    invalid: [[1, 2], { a: 1 }, []],
  },
  "bounds of integers": {
    schema: { type: "integer", minimum: -12, exclusiveMaximum: 105 },
    valid: [-12, -9, 0, 7, 99, 104],
    invalid: [-13, -100, 105, 1000, 1.5],
  },
  "bounds with points": {
    schema: { type: "number", minimum: 1.5, maximum: 7.25 },
    valid: [1.5, 7.25, 7.2, 3, 1.50001],
    invalid: [1.49, 7.26, 7.251, 1, 8, 15, -2],
  },
  multiples: { schema: { multipleOf: 0.25 }, valid: [0, 0.25, -1.5, 100], invalid: [0.3, 0.1, 1.125] },
  "lengths count characters": {
    schema: { type: "string", minLength: 2, maxLength: 3 },
    valid: ["ab", "😀é\n", '"\\'],
    invalid: ["a", "abcd", "😀"],
  },
  "a pattern beside a length": {
    schema: { type: "string", pattern: "^a.*z$", maxLength: 4 },
    valid: ["az", "abcz"],
    invalid: ["abcdz", "ab"],
  },
  "a pattern somewhere": { schema: { type: "string", pattern: "b+" }, valid: ["b", "abba"], invalid: ["", "aa"] },
  formats: {
    schema: { type: "string", format: "date-time" },
    valid: ["2026-11-27T10:00:00Z", "1999-02-28T23:59:59.5+01:30"],
    invalid: ["2026-13-01T10:00:00Z", "2026-02-30T10:00:00Z", "now"],
  },
  "required and others": {
    schema: { type: "object", properties: { a: { type: "integer" }, b: {} }, required: ["b", "c"] },
    valid: [
      { b: 1, c: 2 },
      { a: 1, b: 2, c: 3, other: [] },
    ],
    invalid: [
      { a: 1, c: 1 },
      { a: "1", b: 1, c: 1 },
    ],
  },
  "no others": {
    schema: { type: "object", properties: { a: {} }, additionalProperties: false },
    valid: [{}, { a: 1 }],
    invalid: [{ b: 1 }],
  },
  "names by pattern": {
    schema: {
      type: "object",
      patternProperties: { "^n_": { type: "integer" } },
      additionalProperties: { type: "null" },
    },
    valid: [{ n_a: 1, x: null }],
    invalid: [{ n_a: null }, { x: 1 }],
  },
  "counted properties": {
    schema: { type: "object", properties: { a: {}, b: {}, c: {} }, minProperties: 2, additionalProperties: false },
    valid: [
      { a: 1, c: 1 },
      { a: 1, b: 1, c: 1 },
    ],
    invalid: [{}, { b: 1 }],
  },
  "first items": {
    schema: {
      type: "array",
      prefixItems: [{ type: "integer" }, { type: "string" }],
      items: { type: "null" },
      minItems: 1,
    },
    valid: [[1], [1, "a"], [1, "a", null, null]],
    invalid: [[], ["a"], [1, 2], [1, "a", 1]],
  },
  "counted items": {
    schema: { type: "array", items: { type: "integer" }, minItems: 1, maxItems: 3 },
    valid: [[1], [1, 2, 3]],
    invalid: [[], [1, 2, 3, 4], ["a"]],
  },
  recursion: {
    schema: {
      $defs: { tree: { type: "object", properties: { next: { $ref: "#/$defs/tree" } }, additionalProperties: false } },
      $ref: "#/$defs/tree",
    },
    valid: [{}, { next: { next: {} } }],
    invalid: [{ next: 1 }, { other: {} }],
  },
  "all of several": {
    schema: {
      allOf: [{ required: ["a"] }, { properties: { a: { minimum: 3 } } }],
      properties: { a: { type: "integer" } },
    },
    valid: [{ a: 3 }, "no object"],
    invalid: [{ a: 2 }, {}, { a: 3.5 }],
  },
  "one of several by a property": {
    schema: {
      oneOf: ["x", "y"].map((kind) => ({ type: "object", properties: { kind: { const: kind } }, required: ["kind"] })),
    },
    valid: [{ kind: "x" }, { kind: "y", other: 1 }],
    invalid: [{ kind: "z" }, {}],
  },
  "one of several that meet": {
    schema: {
      oneOf: [{ type: "integer" }, { minimum: 2 }, { type: "string", pattern: "^a" }],
      type: ["number", "string"],
    },
    valid: [1, 2.5, "b", -3],
    invalid: [2, 3, 1.5, "ab", null],
  },
  "one of several properties": {
    schema: { type: "object", oneOf: ["a", "b", "c"].map((name) => ({ required: [name] })) },
    valid: [{ a: 1 }, { b: 1, d: 2 }, { c: null }],
    invalid: [{}, { a: 1, b: 1 }, { d: 1 }, { a: 1, b: 2, c: 3 }],
  },
  "not some values": {
    schema: { type: ["string", "number", "boolean"], not: { enum: ["red", 5, -1.5, true, 0] } },
    valid: ["re", "redd", "", 50, 5.1, 1.5, -1.55, false],
    invalid: ["red", 5, -1.5, true, 0, null],
  },
  "not a type": { schema: { not: { type: ["integer", "object"] } }, valid: [1.5, "a", null, []], invalid: [1, 0, {}] },
  "not a pattern": { schema: { type: "string", not: { pattern: "b+" } }, valid: ["a", ""], invalid: ["b", "abba"] },
  "not several at once": {
    schema: { type: "object", not: { required: ["a"], properties: { a: { minLength: 2, type: "string" } } } },
    valid: [{}, { a: 1 }, { a: "b" }, { c: "long" }],
    invalid: [{ a: "bb" }, { a: "bbb", c: 1 }],
  },
  "if and then and else": {
    schema: {
      type: "object",
      properties: { kind: { enum: ["x", "y"] }, n: { type: "integer" } },
      if: { properties: { kind: { const: "x" } }, required: ["kind"] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { required: ["n"] },
      else: { properties: { n: false } },
    },
    valid: [{ kind: "x", n: 1 }, { kind: "y" }, {}],
    invalid: [{ kind: "x" }, { kind: "y", n: 1 }, { n: 1 }],
  },
  "dependencies of old drafts": {
    schema: { type: "object", dependencies: { a: ["b"], c: { required: ["d"] } } },
    valid: [{}, { b: 1 }, { b: 1, a: 1 }, { c: 1, d: 1 }],
    invalid: [{ a: 1 }, { c: 1 }],
  },
  uris: {
    schema: { format: "uri", type: "string" },
    valid: ["https://a.example/b?c#d", "file:///etc", "urn:isbn:1", "mailto:a@b.c", "http://u:p@[::1]:80/", "a:"],
    invalid: ["//a", "a b:c", "1a:b", "http://a b", "http://[1", "a://b#c#d"],
  },
  "what depends on a property": {
    schema: { type: "object", dependentRequired: { a: ["b"] } },
    valid: [{}, { b: 1 }, { b: 1, a: 1 }],
    invalid: [{ a: 1 }],
  },
  "names of properties": {
    schema: { type: "object", propertyNames: { maxLength: 2 } },
    valid: [{}, { ab: 1 }],
    invalid: [{ abc: 1 }],
  },
};

for (const [name, { schema, valid, invalid }] of Object.entries(CASES)) {
  test(`${name}: takes what is valid, and nothing else`, () => {
    const machine = of(schema);
    expect(valid.filter((value) => !writes(machine, value))).toEqual([]);
    expect(invalid.filter((value) => writes(machine, value))).toEqual([]);
  });
}

test("space stands where writers put it, and never without an end", () => {
  const machine = of({ type: "object" });
  const value = { a: [1, { b: null }], c: {} };
  for (const indent of [0, 2, 4, "\t"]) expect(takes(machine, JSON.stringify(value, null, indent))).toBe(true);
  expect(takes(machine, '{"a": 1, "b": [2, 3]}')).toBe(true);
  expect(takes(machine, '{\n\n"a": 1}')).toBe(false);
  expect(takes(machine, '{"a":  1}')).toBe(false);
});

test("a key that is named cannot come again under another spelling", () => {
  const machine = of({ type: "object", properties: { a: { type: "integer" } } });
  expect(takes(machine, '{"b": "x"}')).toBe(true);
  expect(takes(machine, '{"\\u0061": "x"}')).toBe(false);
  expect(takes(machine, '{"b": 1, "a": "x"}')).toBe(false);
});

test("half a character is no text, and no other bytes are", () => {
  const machine = of({ type: "string" });
  const bytes = encoder.encode('"é"');
  expect(machine.read(machine.start, bytes.subarray(0, 2))).not.toBe(null);
  expect(machine.read(machine.start, Uint8Array.of(0x22, 0xc3, 0x22))).toBe(null);
  expect(machine.read(machine.start, Uint8Array.of(0x22, 0xff))).toBe(null);
});

const REFUSED: [unknown, string][] = [
  [{ properties: { a: { uniqueItems: true } } }, "#/properties/a/uniqueItems"],
  [{ not: { items: { type: "string" } } }, "#/not"],
  [{ if: { format: "date" }, else: { minLength: 3 } }, "#/if"],
  [{ $schema: "http://json-schema.org/draft-04/schema#", if: { type: "string" }, else: { minLength: 1 } }, "#/if"],
  [{ anyOf: [{ contains: {} }] }, "#/anyOf/0/contains"],
  [{ oneOf: [{ minimum: 1 }, { items: { type: "string" } }] }, "#/oneOf"],
  [{ $ref: "https://example.com/other" }, "#/$ref"],
  [{ type: "strange" }, "#/type"],
  [{ format: "idn-email" }, "#/format"],
  [{ minProperties: 3 }, "#/minProperties"],
  [{ pattern: "^(\\S+\\s+){0,99}\\S+$", maxLength: 5000 }, "#/pattern"],
];

test.each(REFUSED)("what cannot be enforced is refused by name: %j", (schema, where) => {
  expect(() => of(schema)).toThrow(where);
  expect(() => of(schema)).toThrow(expect.objectContaining({ code: "unsupported_schema", status: 400 }));
});

test("bounds beyond what a double tells apart are those of integers of 64 bits", () => {
  const signed = of(JSON.parse('{"type":"integer","minimum":-9223372036854775808,"maximum":9223372036854775807}'));
  for (const text of ["-9223372036854775808", "9223372036854775807"]) expect(takes(signed, text)).toBe(true);
  for (const text of ["-9223372036854775809", "9223372036854775808"]) expect(takes(signed, text)).toBe(false);
  const unsigned = of(JSON.parse('{"type":"integer","maximum":18446744073709551615}'));
  expect(takes(unsigned, "18446744073709551615")).toBe(true);
  expect(takes(unsigned, "18446744073709551616")).toBe(false);
});

test("a schema that no value has is refused", () => {
  expect(() => of({ type: "object", required: ["a"], properties: { a: false } })).toThrow("no text");
  expect(() =>
    of({ $ref: "#/$defs/a", $defs: { a: { type: "array", minItems: 1, items: { $ref: "#/$defs/a" } } } }),
  ).toThrow("no text");
});

test("long texts are no deep ones, and what is nested too deep is refused", () => {
  const long = "x".repeat(50_000);
  const machine = of({ enum: [`${long}a`, `${long}b`, { [long]: 1 }] });
  for (const value of [`${long}a`, `${long}b`]) expect(takes(machine, JSON.stringify(value))).toBe(true);
  expect(takes(machine, JSON.stringify(long))).toBe(false);
  let deep: object = { type: "string" };
  for (let depth = 0; depth < 3000; depth++) deep = { type: "array", items: deep, minItems: 1 };
  expect(() => of(deep)).toThrow(expect.objectContaining({ code: "grammar_too_complex", status: 400 }));
});

test("schemas have an end: in size, in depth and in alternatives", () => {
  expect(() => of({ enum: ["x".repeat(300_000)] })).toThrow("characters");
  expect(() => of({ allOf: [{ $ref: "#" }] })).toThrow("without an end");
  const anyOf = Array.from({ length: 10 }, (_, i) => ({ required: [`p${i}`] }));
  expect(() => of({ allOf: [{ anyOf }, { anyOf }, { anyOf }] })).toThrow("too many alternatives");
});
