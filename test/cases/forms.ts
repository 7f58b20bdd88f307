/**
 * Forms that a client may ask for, usual ones and such as an adversary tried, and what becomes of each: answers under
 * it, or the code of its refusal.
 */
import type { ConstraintSource } from "../../src/core/grammar/source.ts";

export interface FormCase {
  readonly name: string;
  readonly source: ConstraintSource;
  /** Null: it is answered. */
  readonly refused: string | null;
}

const names = <T>(count: number, value: T): Record<string, T> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, value]));
const range = <T>(count: number, of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i));
/** A schema in so many others. */
const within = (depth: number, wrap: (inner: object) => object, inner: object): object =>
  range(depth, () => wrap).reduce((made, each) => each(made), inner);

const STRING = { type: "string" };
const INTEGER = { type: "integer" };

const SCHEMAS: Record<string, unknown> = {
  "any value": true,
  "any object": { type: "object" },
  "a null": { type: "null" },
  "a boolean": { type: "boolean" },
  "a string": STRING,
  "an integer": INTEGER,
  "a number": { type: "number" },
  "any list": { type: "array" },
  "the empty string": { const: "" },
  "a const": { const: "a" },
  "a const of an object": { const: { a: [1, { b: null }] } },
  "one of two": { enum: ["a", 1] },
  "one of 5,000": { enum: range(5000, (i) => `value ${i}`) },
  "one of 20,000 numbers": { enum: range(20_000, (i) => i * 3) },
  "one of 300 objects": { enum: range(300, (i) => ({ kind: i })) },
  "a short string": { type: "string", maxLength: 1 },
  "a string of a million": { type: "string", minLength: 1_000_000, maxLength: 1_000_000 },
  "a pattern": { type: "string", pattern: "^[a-c]{2}$" },
  "a pattern that backtracks": { type: "string", pattern: "^(a|a)*b$" },
  "a date": { type: "string", format: "date" },
  "an address": { type: "string", format: "ipv6" },
  "bounds of integers": { type: "integer", minimum: 3, maximum: 5 },
  "a huge bound": { type: "integer", maximum: 9_007_199_254_740_991 },
  "a multiple": { type: "number", multipleOf: 0.5, minimum: 0, maximum: 2 },
  "an empty list": { type: "array", maxItems: 0 },
  "a list of two": { type: "array", items: INTEGER, minItems: 2, maxItems: 2 },
  "a list of a million": { type: "array", items: { const: 1 }, minItems: 1_000_000 },
  "a tuple": { type: "array", prefixItems: [STRING, INTEGER], items: false, minItems: 2 },
  "a tuple of 1,500": { type: "array", prefixItems: range(1500, () => INTEGER), items: false, minItems: 1500 },
  "one property": { type: "object", properties: { a: INTEGER }, required: ["a"], additionalProperties: false },
  "no property": { type: "object", additionalProperties: false },
  "500 that are required": { type: "object", properties: names(500, STRING), required: range(500, (i) => `p${i}`) },
  "2,000 that are required": { type: "object", properties: names(2000, STRING), required: range(2000, (i) => `p${i}`) },
  "2,000 that may be left out": { type: "object", properties: names(2000, STRING), additionalProperties: false },
  "2,000 and others": { type: "object", properties: names(2000, INTEGER) },
  "counted properties": {
    type: "object",
    properties: names(9, INTEGER),
    minProperties: 2,
    additionalProperties: false,
  },
  "one of three at most": { type: "object", properties: names(3, INTEGER), maxProperties: 1 },
  "names by pattern": { type: "object", patternProperties: { "^n": INTEGER }, additionalProperties: false },
  "a name against a pattern that backtracks": {
    type: "object",
    patternProperties: { "^(a|a)*$": INTEGER },
    properties: { [`${"a".repeat(60)}b`]: STRING },
    additionalProperties: false,
  },
  "a name that is a prototype": { type: "object", properties: { ["__proto__"]: INTEGER, constructor: INTEGER } },
  "lists in lists": within(500, (items) => ({ type: "array", items, minItems: 1 }), STRING),
  "objects in objects": within(30, (a) => ({ type: "object", properties: { a }, required: ["a"] }), INTEGER),
  "a tree": { $ref: "#/$defs/t", $defs: { t: { type: "array", items: { $ref: "#/$defs/t" } } } },
  "references that double": {
    $ref: "#/$defs/d0",
    $defs: Object.fromEntries(
      range(200, (i) => {
        const next = { $ref: `#/$defs/d${i + 1}` };
        return [`d${i}`, i === 199 ? INTEGER : { type: "array", prefixItems: [next, next], minItems: 2 }];
      }),
    ),
  },
  "one of two types": { anyOf: [{ const: "x" }, { type: "null" }] },
  "one of 500": { oneOf: range(500, (i) => ({ const: `k${i}` })) },
  "not three values": { type: "string", maxLength: 2, not: { enum: ["", "a", "b"] } },
  "not, 20 times": within(20, (not) => ({ not }), INTEGER),
  "a condition": {
    type: "object",
    properties: { kind: { enum: ["a", "b"] } },
    required: ["kind"],
    if: { properties: { kind: { const: "a" } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { properties: { n: INTEGER }, required: ["n"] },
    additionalProperties: false,
  },
};

const REFUSED_SCHEMAS: Record<string, readonly [schema: unknown, code: string]> = {
  "no value": [false, "impossible_constraint"],
  "a list without an end": [
    { $ref: "#/$defs/a", $defs: { a: { type: "array", minItems: 1, items: { $ref: "#/$defs/a" } } } },
    "impossible_constraint",
  ],
  "a required property that may not be": [
    { type: "object", required: ["a"], properties: { a: false } },
    "impossible_constraint",
  ],
  "more properties than there are": [
    { type: "object", properties: names(2, INTEGER), additionalProperties: false, minProperties: 3 },
    "impossible_constraint",
  ],
  "items that differ": [{ type: "array", uniqueItems: true }, "unsupported_schema"],
  "a reference elsewhere": [{ $ref: "https://example.com/schema" }, "unsupported_schema"],
  "a reference to a file": [{ $ref: "file:///etc/passwd" }, "unsupported_schema"],
  "a reference to nothing": [{ $ref: "#/$defs/__proto__" }, "unsupported_schema"],
  "a reference to itself": [{ $ref: "#" }, "unsupported_schema"],
  "a circle of references": [
    { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } },
    "unsupported_schema",
  ],
  "one of 5,000 schemas": [{ oneOf: range(5000, (i) => ({ const: i })) }, "unsupported_schema"],
  "alternatives that multiply": [
    { allOf: range(4, (i) => ({ anyOf: range(9, (k) => ({ required: [`${i}${k}`] })) })) },
    "unsupported_schema",
  ],
  "a pattern that looks ahead": [{ type: "string", pattern: "(?=a)b" }, "unsupported_pattern"],
  "a schema of 300 kB": [{ enum: ["x".repeat(300_000)] }, "grammar_too_complex"],
  "12,000 objects": [{ enum: range(12_000, (i) => ({ [i]: i })) }, "grammar_too_complex"],
  "a list as a schema": [[], "unsupported_schema"],
  "a multiple of a large prime": [
    { type: "integer", minimum: 0, maximum: 9_007_199_254_740_991, multipleOf: 7919 },
    "grammar_too_complex",
  ],
  "10,000 that may be left out": [
    { type: "object", properties: names(10_000, {}), additionalProperties: false },
    "grammar_too_complex",
  ],
  "lists in lists, 3,000 deep": [
    within(3000, (items) => ({ type: "array", items, minItems: 1 }), STRING),
    "grammar_too_complex",
  ],
};

const PATTERNS: Record<string, string> = {
  "one letter": "a",
  "two digits": "\\d\\d",
  "nothing or a letter": "a?",
  "letters of any script": "\\p{L}{1,3}",
  "counts in counts": "(?:[a-c]{1,3}-){1,3}[0-9]",
  "ways that meet": "(?:a|a|ab|b){1,4}",
  "an empty loop": "(?:)*x",
  "a loop of loops": "(?:(?:a*)*)*b",
};

const REFUSED_PATTERNS: Record<string, string> = {
  "back to a group": "(a)\\1",
  "the edge of a word": "a\\b",
  "a parenthesis": "(a",
  "counted too often": "a{100000}",
};

const GRAMMARS: Record<string, string> = {
  "one letter": 'root ::= "a"',
  "one of two words": 'root ::= "yes" | "no"',
  parentheses: 'root ::= "(" root ")" | "x"',
  "a class": "root ::= [a-f]{2,3}",
  "an empty loop": 'root ::= ("")* "x"',
};

const REFUSED_GRAMMARS: Record<string, readonly [text: string, code: string]> = {
  "a rule that begins with itself": ['root ::= root "a"', "bad_grammar"],
  "a rule that begins with itself behind nothing": ['root ::= "b"? root "a"', "bad_grammar"],
  "no root": ['a ::= "a"', "bad_grammar"],
  "a rule that is not there": ["root ::= other", "bad_grammar"],
  "an endless quote": ['root ::= "a', "bad_grammar"],
  "rules that double": [
    `root ::= "a" r0\n${range(60, (i) => `r${i} ::= r${i + 1} r${i + 1}`).join("\n")}\nr60 ::= "x"?`,
    "grammar_too_complex",
  ],
  "a rule without an end": ['root ::= "a" root', "impossible_constraint"],
};

const schema = (of: unknown): ConstraintSource => ({ kind: "schema", schema: of });

export const FORM_CASES: readonly FormCase[] = [
  ...Object.entries(SCHEMAS).map(([name, of]) => ({ name: `schema: ${name}`, source: schema(of), refused: null })),
  ...Object.entries(REFUSED_SCHEMAS).map(([name, [of, refused]]) => ({
    name: `schema: ${name}`,
    source: schema(of),
    refused,
  })),
  ...Object.entries(PATTERNS).map(([name, pattern]) => ({
    name: `pattern: ${name}`,
    source: { kind: "regex", pattern } as const,
    refused: null,
  })),
  ...Object.entries(REFUSED_PATTERNS).map(([name, pattern]) => ({
    name: `pattern: ${name}`,
    source: { kind: "regex", pattern } as const,
    refused: "unsupported_pattern",
  })),
  ...Object.entries(GRAMMARS).map(([name, text]) => ({
    name: `grammar: ${name}`,
    source: { kind: "grammar", text } as const,
    refused: null,
  })),
  ...Object.entries(REFUSED_GRAMMARS).map(([name, [text, refused]]) => ({
    name: `grammar: ${name}`,
    source: { kind: "grammar", text } as const,
    refused,
  })),
  { name: "choice: one word", source: { kind: "choice", of: ["b"] }, refused: null },
  { name: "choice: 4,096 words", source: { kind: "choice", of: range(4096, (i) => `w${i}`) }, refused: null },
];
