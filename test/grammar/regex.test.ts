import fc from "fast-check";
import { expect, test } from "vitest";
import { Budget } from "../../src/core/grammar/budget.ts";
import { plain } from "../../src/core/grammar/characters.ts";
import { Expressions } from "../../src/core/grammar/expression.ts";
import { Machine } from "../../src/core/grammar/machine.ts";
import { regexOf } from "../../src/core/grammar/regex.ts";

const encoder = new TextEncoder();

function machineOf(pattern: string, whole: boolean): Machine | null {
  const e = new Expressions(new Budget());
  const making = Machine.of(e, [], regexOf(e, pattern, plain, whole));
  for (;;) {
    const { done, value } = making.next();
    if (done) return value;
  }
}

const takes = (machine: Machine | null, text: string): boolean =>
  machine?.read(machine.start, encoder.encode(text))?.accepting ?? false;

const PATTERNS = [
  "^a|b$",
  "^(a|bc)*$",
  "^[^a-c]{2,3}$",
  "^\\d+\\.\\d{2}$",
  "\\w\\s\\W",
  "^(?:ab?){1,2}c??$",
  "^\\p{Lu}\\P{L}$",
  "^[\\d_-]+$",
  "^.$",
  "[é-ü]",
  "^\\u{1F600}+$",
  "^(?<name>x)y\\/$",
];

test.each(PATTERNS)("%s finds what the runtime's own finds", (pattern) => {
  const machine = machineOf(pattern, false);
  const own = new RegExp(pattern, "u");
  const text = fc.string({ unit: fc.constantFrom(...'aabbcxyz019 ._-/\n"é😀ÄÀ'), maxLength: 6 });
  fc.assert(
    fc.property(text, (given) => takes(machine, given) === own.test(given)),
    { numRuns: 500 },
  );
});

test("as a whole text it begins and ends where the pattern does", () => {
  const machine = machineOf("a+b?", true);
  expect(takes(machine, "aab")).toBe(true);
  expect(takes(machine, "xab")).toBe(false);
});

test.each(["(a)\\1", "(?=a)b", "(?<!a)b", "a\\bc", "a^b", "x(^a|b)", "a{20000}"])("%s is refused", (pattern) => {
  expect(() => machineOf(pattern, false)).toThrow(expect.objectContaining({ code: "unsupported_pattern" }));
});
