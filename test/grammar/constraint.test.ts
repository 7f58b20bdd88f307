import fc from "fast-check";
import { expect, test } from "vitest";
import { Constraint } from "../../src/core/grammar/constraint.ts";
import type { State } from "../../src/core/grammar/machine.ts";
import { type ConstraintSource, compile } from "../../src/core/grammar/source.ts";
import { TokenTrie } from "../../src/core/grammar/token-trie.ts";
import { hasToken } from "../../src/core/model/token-mask.ts";

const encoder = new TextEncoder();
const TEXTS = [
  ...Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)),
  ...[
    '{"',
    '": ',
    '", "',
    '"}',
    "true",
    "tr",
    "ue",
    "null",
    "123",
    "  ",
    '"a',
    'a"',
    "name",
    '"name"',
    '"name": ',
    "é",
    "ab",
  ],
  ...["", "", "ab"],
];
/** The last two of the empty ones command the model; a token may be there twice. */
const END = TEXTS.length - 2;
const BYTES = TEXTS.map((text) => encoder.encode(text));
const trie = new TokenTrie(TEXTS.length, (id) => BYTES[id]!);

const SOURCES: ConstraintSource[] = [
  {
    kind: "schema",
    schema: { type: "object", properties: { name: { type: "string", maxLength: 90 } }, required: ["name"] },
  },
  { kind: "schema", schema: true },
  { kind: "regex", pattern: "(ab|name)+[0-9]{2,400}" },
  { kind: "choice", of: ["name", "nam", "123 true"] },
  { kind: "several", item: { kind: "choice", of: ["tr", "true"] }, between: ", ", most: 3 },
];

test.each(SOURCES)("a mask has the tokens that the machine reads, and no other: %j", (source) => {
  const machine = compile(source);
  const constraint = new Constraint(machine, trie);
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 30 }), (choices) => {
      let state: State = constraint.start;
      for (const choice of choices) {
        const able = BYTES.flatMap((bytes, id) => (bytes.length > 0 && machine.read(state, bytes) ? [id] : []));
        const mask = constraint.mask(state);
        expect(TEXTS.flatMap((_, id) => (hasToken(mask, id) ? [id] : []))).toEqual(able);
        expect(constraint.single(state)).toBe(able.length === 1 && !state.accepting ? able[0] : null);
        expect(constraint.isOver(state)).toBe(able.length === 0);
        if (able.length === 0) {
          expect(state.accepting).toBe(true);
          return;
        }
        state = constraint.after(state, able[choice % able.length]!)!;
      }
    }),
    { numRuns: 60 },
  );
});

test("what must follow may be longer, and an answer nested deeper, than calls go", () => {
  const long: ConstraintSource = { kind: "grammar", text: `root ::= "1" ${"[ab] ".repeat(9000)}` };
  const deep: ConstraintSource = { kind: "schema", schema: { type: "array", items: { $ref: "#" } } };
  for (const [source, text] of [
    [long, "1"],
    [deep, "[".repeat(60_000)],
  ] as const) {
    const machine = compile(source);
    const state = machine.read(machine.start, encoder.encode(text))!;
    const mask = new Constraint(machine, trie).mask(state);
    for (const [id, bytes] of BYTES.entries()) {
      expect(hasToken(mask, id)).toBe(bytes.length > 0 && machine.read(state, bytes) !== null);
    }
  }
});

test("a token that ends an answer leads nowhere", () => {
  const constraint = new Constraint(compile({ kind: "schema", schema: true }), trie);
  expect(constraint.after(constraint.start, END)).toBe(null);
});

test("what must follow is told in bytes", () => {
  const schema = {
    type: "object",
    properties: { name: { const: 1 } },
    required: ["name"],
    additionalProperties: false,
  };
  const constraint = new Constraint(compile({ kind: "schema", schema }), trie);
  const opened = constraint.after(constraint.start, TEXTS.indexOf('{"'))!;
  expect(new TextDecoder().decode(constraint.forced(opened))).toBe('name":');
});
