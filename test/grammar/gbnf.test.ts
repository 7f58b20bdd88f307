import { expect, test } from "vitest";
import { compile } from "../../src/core/grammar/source.ts";

const encoder = new TextEncoder();

function takes(grammar: string, text: string): boolean {
  const machine = compile({ kind: "grammar", text: grammar });
  return machine.read(machine.start, encoder.encode(text))?.accepting ?? false;
}

test("rules, classes, counts, groups and comments", () => {
  const grammar = `# sums
root ::= term (op
  term){1,2} "."?   # two or three
term ::= [0-9]+ | "(" root ")"
op ::= " "? [+\\-] " "?
`;
  expect(takes(grammar, "1+(2 - 3)")).toBe(true);
  expect(takes(grammar, "1+2+3.")).toBe(true);
  expect(takes(grammar, "1")).toBe(false);
  expect(takes(grammar, "1+2+3+4")).toBe(false);
  expect(takes('root ::= [^"\\n]* "\\x41" .', "né A😀".replace(" ", ""))).toBe(true);
});

test.each([
  ["a ::= b", 'the rule "b" is used'],
  ['a ::= "x"', 'no rule "root"'],
  ["root ::= root", "begins with itself"],
  ['root ::= a\na ::= "x"? root', "begins with itself"],
  ['root = "x"', '"::=" is missing'],
  ['root ::= "x', "not closed"],
  ['root ::= ("x"', '")" is missing'],
])("%j is refused in words", (grammar, words) => {
  expect(() => takes(grammar, "x")).toThrow(words);
});
