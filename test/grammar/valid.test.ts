/** The validator of finished documents: each keyword with a value that meets it and one that does not. */
import { expect, test } from "vitest";
import type { Schema } from "../../src/core/grammar/schema/keywords.ts";
import { unmet } from "../../src/core/grammar/schema/valid.ts";

/** Schema, values that meet it, and values that do not, each with the place that is told. */
const CASES: Record<string, [schema: Schema, met: unknown[], unmet: [value: unknown, at: string][]]> = {
  booleans: [{ properties: { a: false } }, [{}, 1], [[{ a: 1 }, "#/properties"]]],
  type: [
    { type: ["integer", "null"] },
    [1, 2.0, null],
    [
      [1.5, "#/type"],
      ["1", "#/type"],
    ],
  ],
  const: [{ const: { a: [1, { b: null }] } }, [{ a: [1, { b: null }] }], [[{ a: [1, { b: 0 }] }, "#/const"]]],
  "enum, keys in any order": [{ enum: [{ a: 1, b: 2 }] }, [{ b: 2, a: 1 }], [[{ a: 1 }, "#/enum"]]],
  bounds: [
    { minimum: 1, exclusiveMaximum: 3 },
    [1, 2.9, "no number"],
    [
      [0.9, "#/minimum"],
      [3, "#/exclusiveMaximum"],
    ],
  ],
  "bounds of draft 4": [{ maximum: 3, exclusiveMaximum: true }, [2.9], [[3, "#/maximum"]]],
  multipleOf: [{ multipleOf: 0.1 }, [0.3, 1, -0.7], [[0.35, "#/multipleOf"]]],
  "lengths count characters": [
    { minLength: 2, maxLength: 2 },
    ["😀é"],
    [
      ["😀", "#/minLength"],
      ["abc", "#/maxLength"],
    ],
  ],
  pattern: [{ pattern: "^\\p{Lu}" }, ["É", 1], [["é", "#/pattern"]]],
  format: [{ format: "date" }, ["2026-11-28"], [["2026-11-31", "#/format"]]],
  "a format that nobody knows": [{ format: "colour" }, ["x"], []],
  items: [
    { prefixItems: [{ type: "string" }], items: { type: "integer" }, minItems: 1, maxItems: 3 },
    [["a"], ["a", 1, 2]],
    [
      [[], "#/minItems"],
      [[1], "#/prefixItems/type"],
      [["a", "b"], "#/items/type"],
      [["a", 1, 2, 3], "#/maxItems"],
    ],
  ],
  "items of old drafts": [
    { items: [{ type: "string" }], additionalItems: false },
    [["a"], []],
    [
      [["a", 1], "#/additionalItems"],
      [[1], "#/items/type"],
    ],
  ],
  uniqueItems: [{ uniqueItems: true, maxItems: 1 }, [[1]], [[[1, 1], "#/maxItems"]]],
  properties: [
    { properties: { a: { type: "null" } }, patternProperties: { "^n": { minimum: 1 } }, additionalProperties: false },
    [{ a: null, n1: 1 }],
    [
      [{ a: 1 }, "#/properties/type"],
      [{ n1: 0 }, "#/patternProperties/minimum"],
      [{ b: 1 }, "#/additionalProperties"],
    ],
  ],
  counts: [
    { minProperties: 1, maxProperties: 1 },
    [{ a: 1 }, []],
    [
      [{}, "#/minProperties"],
      [{ a: 1, b: 1 }, "#/maxProperties"],
    ],
  ],
  "required, and names": [
    { required: ["toString"], propertyNames: { maxLength: 8 } },
    [{ toString: 1 }],
    [
      [{}, "#/required"],
      [{ toString: 1, "much too long": 1 }, "#/propertyNames/maxLength"],
    ],
  ],
  "what depends on a property": [
    { dependentRequired: { a: ["b"] }, dependentSchemas: { c: { required: ["d"] } }, dependencies: { e: ["f"] } },
    [{}, { a: 1, b: 1 }, { c: 1, d: 1 }, { e: 1, f: 1 }],
    [
      [{ a: 1 }, "#/dependentRequired"],
      [{ c: 1 }, "#/dependentSchemas/required"],
      [{ e: 1 }, "#/dependencies/required"],
    ],
  ],
  "several together": [
    { allOf: [{ minimum: 1 }], anyOf: [{ maximum: 3 }, { multipleOf: 5 }], not: { const: 2 } },
    [1, 3, 10],
    [
      [0, "#/allOf/minimum"],
      [4, "#/anyOf"],
      [2, "#/not"],
    ],
  ],
  oneOf: [
    { oneOf: [{ minimum: 1 }, { maximum: 3 }] },
    [0, 4],
    [
      [2, "#/oneOf"],
      ["both", "#/oneOf"],
    ],
  ],
  conditions: [
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    { if: { required: ["a"] }, then: { required: ["b"] }, else: { required: ["c"] } },
    [{ a: 1, b: 1 }, { c: 1 }],
    [
      [{ a: 1 }, "#/if/required"],
      [{}, "#/if/required"],
    ],
  ],
  references: [
    {
      $id: "https://example.com/tree",
      $defs: { "a/b%": { type: "integer" }, named: { $anchor: "here", type: "string" } },
      properties: {
        down: { $ref: "#" },
        escaped: { $ref: "#/$defs/a~1b%25" },
        anchored: { $ref: "#here" },
        whole: { $ref: "https://example.com/tree#/$defs/named" },
      },
    },
    [{ down: { down: { escaped: 1, anchored: "x", whole: "y" } } }],
    [
      [{ down: { down: { escaped: "1" } } }, "#/properties/$ref/properties/$ref/properties/$ref/type"],
      [{ anchored: 1 }, "#/properties/$ref/type"],
      [{ whole: 1 }, "#/properties/$ref/type"],
    ],
  ],
  "beside a reference in draft 7": [
    {
      $schema: "http://json-schema.org/draft-07/schema#",
      definitions: { any: true },
      properties: { a: { $ref: "#/definitions/any", type: "null" } },
    },
    [{ a: 1 }],
    [],
  ],
};

test.each(Object.entries(CASES))("%s", (_, [schema, met, faults]) => {
  expect(met.map((value) => unmet(schema, value))).toEqual(met.map(() => null));
  expect(faults.map(([value]) => unmet(schema, value))).toEqual(faults.map(([, at]) => at));
});
