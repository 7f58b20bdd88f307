/**
 * The properties of an object against a definition that counts: a text is taken if its properties come in the schema's
 * order, each that is required is there, and they are as many as they may be.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { compile } from "../../src/core/grammar/source.ts";
import { OutriderError } from "../../src/core/model/errors.ts";

const encoder = new TextEncoder();
/** Names that begin alike, one in another, and one that JSON escapes. */
const NAMES = ["a", "ab", "abc", "b", 'b"', "é"];

const schemas = fc.record({
  named: fc.subarray(NAMES, { minLength: 0 }).chain((names) => fc.shuffledSubarray(names, { minLength: names.length })),
  required: fc.subarray(NAMES),
  /** Of these no value is possible. */
  impossible: fc.subarray(NAMES, { maxLength: 2 }),
  others: fc.constantFrom(true, false, "impossible" as const),
  min: fc.option(fc.nat(4), { nil: undefined }),
  max: fc.option(fc.nat(5), { nil: undefined }),
});
const texts = fc.shuffledSubarray([...NAMES, "z", "y"]);
const IMPOSSIBLE = { type: "array", minItems: 1, items: { $ref: "#/$defs/none" } };

test("what may be written is what the count of properties says", () => {
  const counts = { taken: 0, refused: 0, impossible: 0 };
  fc.assert(
    fc.property(schemas, fc.array(texts, { minLength: 8, maxLength: 8 }), (given, written) => {
      const { named, required, impossible, others, min, max } = given;
      const isNone = (name: string) =>
        named.includes(name) ? impossible.includes(name) : others === false || others === "impossible";
      const schema = {
        $defs: { none: IMPOSSIBLE },
        type: "object",
        properties: Object.fromEntries(named.map((name) => [name, impossible.includes(name) ? IMPOSSIBLE : {}])),
        required,
        additionalProperties: others === "impossible" ? IMPOSSIBLE : others,
        ...(min !== undefined && { minProperties: min }),
        ...(max !== undefined && { maxProperties: max }),
      };
      // Those that only `required` names come behind the others.
      const order = [...named, ...required.filter((name) => !named.includes(name))];
      const placeOf = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length);
      const has = (names: readonly string[]): boolean => {
        const places = names.map(placeOf);
        const inOrder = places.every((place, i) => i === 0 || places[i - 1]! <= place);
        const enough = names.length >= (min ?? 0) && names.length <= (max ?? names.length);
        return inOrder && enough && required.every((name) => names.includes(name)) && !names.some(isNone);
      };
      let machine: ReturnType<typeof compile>;
      try {
        machine = compile({ kind: "schema", schema });
      } catch (error) {
        // More than one property of any name cannot be counted, and is refused by its keyword.
        if (error instanceof OutriderError && error.code === "unsupported_schema") return;
        expect(error).toMatchObject({ code: "impossible_constraint" });
        counts.impossible++;
        for (const names of written) expect(has(names)).toBe(false);
        return;
      }
      const sorted = written.map((names) => names.toSorted((a, b) => placeOf(a) - placeOf(b)));
      for (const names of [...written, ...sorted]) {
        const text = `{${names.map((name) => `${JSON.stringify(name)}:1`).join(",")}}`;
        const taken = machine.read(machine.start, encoder.encode(text))?.accepting ?? false;
        expect(taken, `${JSON.stringify(schema)} and ${text}`).toBe(has(names));
        if (taken) counts.taken++;
        else counts.refused++;
        // Whatever may follow leads to an end.
        let state = machine.start;
        for (const byte of encoder.encode(text)) {
          const next = machine.step(state, byte);
          if (!next) break;
          state = next;
          expect(state.accepting || state.stacks.length > 0).toBe(true);
        }
      }
    }),
    { numRuns: 400 },
  );
  expect(counts.taken).toBeGreaterThan(120);
  expect(counts.refused).toBeGreaterThan(1000);
  expect(counts.impossible).toBeGreaterThan(20);
});

test("a byte that may follow leads to an end, however few properties are left", () => {
  const schema = {
    $defs: { none: IMPOSSIBLE },
    type: "object",
    properties: { a: {}, b: IMPOSSIBLE, c: { const: 1 }, d: { const: 2 } },
    additionalProperties: false,
    minProperties: 2,
  };
  const machine = compile({ kind: "schema", schema });
  const after = (text: string) => machine.read(machine.start, encoder.encode(text));
  // Behind `d` there is none.
  expect(after('{"d')).toBe(null);
  expect(after('{"c":1}')).toBe(null);
  expect(after('{"c":1,"d":2}')?.accepting).toBe(true);
});
