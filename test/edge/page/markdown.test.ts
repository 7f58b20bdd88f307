/**
 * What the page makes of an answer's Markdown, and what that costs: steps that are counted, so that a text over which
 * drawing goes back and forth shows on any machine.
 */
import fc from "fast-check";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { stepsOf } from "../../support/counted-patterns.ts";
import { showMarkdown } from "../../support/page-scripts.ts";
import { PAPER, type Paper } from "../../support/paper-document.ts";
import { seeded } from "../../support/random.ts";

beforeAll(() => {
  vi.stubGlobal("document", PAPER.document);
  vi.stubGlobal("DocumentFragment", PAPER.DocumentFragment);
});

const page = (): Paper => PAPER.document.createElement("div");

function drawn(text: string): string {
  const element = page();
  showMarkdown(element, text);
  return element.childNodes.join(" ");
}

test.each([
  ["# Title", 'h3("Title")'],
  ["## Title ##", 'h3("Title")'],
  ["# C#", 'h3("C#")'],
  ["# #", "h3()"],
  ["a|b\n---", 'p("a|b") hr()'],
  ["#hash", 'p("#hash")'],
  ["# a\r\nb\r\n", 'h3("a") p("b")'],
  ["# a\rb\u2028c", 'h3("a\\rb\u2028c")'],
  ["* * *", "hr()"],
  ["a  \nb", 'p("a  ", br(), "b")'],
  ["**a *b* c** _d_ ~~e~~ f_g_h", 'p(strong("a ", em("b"), " c"), " ", em("d"), " ", del("e"), " f_g_h")'],
  ["`` a`b `` `c", 'p(code("a`b"), " `c")'],
  ["\\*a\\*", 'p("*a*")'],
  ["[a [b] *c*](https://d.e/f_g) [x](javascript:y)", 'p(a https://d.e/f_g("a [b] ", em("c")), " [x](javascript:y)")'],
  ['![a](<http://b> "c")[](mailto:d)', 'p(a http://b("a"), a mailto:d("mailto:d"))'],
  ["[[a](http://b) c](d", 'p("[", a http://b("a"), " c](d")'],
  ["see http://a.b/c).", 'p("see ", a http://a.b/c("http://a.b/c"), ").")'],
  ["- a\n  - b\n- c\n\n3. d", 'ul(li("a", ul(li("b"))), li("c")) ol 3(li("d"))'],
  ["- a\n\n  b", 'ul(li("a", p("b")))'],
  ["> a\n> > b", 'blockquote(p("a"), blockquote(p("b")))'],
  [
    "a|b\n-|:-:\n1|`x\\|y`\n1|2|3",
    'div(table(thead(tr(th("a"), th("b"))), tbody(tr(td("1"), td(code("x|y"))), tr(td("1"), td("2|3")))))',
  ],
])("%j is drawn as %s", (text, expected) => {
  expect(drawn(text)).toBe(expected);
});

test("a fence is drawn up to the line that closes it, and to the end before that has come", () => {
  const code = (language: string, text: string) =>
    `div(div(span(${JSON.stringify(language)}), button("Copy")), pre(code(${JSON.stringify(text)})))`;
  expect(drawn("```js x\na\n~~~\n``\n```\nb")).toBe(`${code("js", "a\n~~~\n``")} p("b")`);
  expect(drawn("~~~~\na\n~~~")).toBe(code("text", "a\n~~~"));
  expect(drawn("``` a`b")).toBe('p("``` a`b")');
});

test("what is deeper than eight levels, or wider than 100 columns, stays text", () => {
  expect(drawn(`${"> ".repeat(9)}a`)).toBe(`${"blockquote(".repeat(9)}p("a")${")".repeat(9)}`);
  expect(drawn(`${"> ".repeat(12)}a`)).toContain('p("> > > a")');
  const wide = (columns: number) => drawn(`${"|a".repeat(columns)}|\n${"|-".repeat(columns)}|`);
  expect(wide(100)).toContain("table(");
  expect(wide(101)).toMatch(/^p\(/);
});

/** Pieces that begin, end or resemble what has a meaning. */
const PIECES = [
  ...["*", "**", "_", "~~", "`", "```", "~~~", "[", "]", "](", "[a](", "(", ")", "#", "# ", "\\", "|", "|-", "-", "- "],
  ...["> ", "1. ", "\n", "\n\n", "  \n", " ", "\t", "\r", "\u2028", ".", "!", ":", '"', "a", "http://", "<"],
];
const piece = fc.constantFrom(...PIECES);

/** What stands in front of many pieces, and behind them. */
const hostile = fc.record({
  opener: fc.constantFrom("", "# ", "```", "[a](b ", "|a|b|\n|-|-|\n", "- ", "> "),
  pieces: fc.array(piece, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("")),
  end: fc.constantFrom("", "x\ry", "`", "b"),
});

const FOUND = [
  { opener: "# ", pieces: " ", end: "x\ry" },
  { opener: "a", pieces: " ", end: "|\n" },
  { opener: "", pieces: " ", end: "|" },
  { opener: "", pieces: "~", end: "`" },
  { opener: "```", pieces: " ", end: "x`" },
  { opener: "http://a", pieces: ".", end: "b" },
  { opener: "", pieces: "[a](", end: "" },
  { opener: "", pieces: "[a](", end: `b${" ".repeat(1000)}"` },
];

const CHARS = 1000;
const stepsToDraw = ({ opener, pieces, end }: (typeof FOUND)[number], chars: number) => {
  const text = opener + pieces.repeat(Math.ceil(chars / pieces.length)) + end;
  return stepsOf(() => showMarkdown(page(), text));
};

/** Twice the text takes twice the steps; four times, where a pattern goes back and forth. */
function expectLinear(kind: (typeof FOUND)[number]): void {
  const once = stepsToDraw(kind, CHARS);
  expect(stepsToDraw(kind, 2 * CHARS)).toBeLessThan(2.5 * once);
}

test("a pattern that goes back and forth is refused", () => {
  for (const pattern of [/(a+)+b/, /^#\s+(.*?)\s*#*$/, /[ab]*[bc]*$/y]) {
    expect(() => stepsOf(() => pattern.test("a"))).toThrow("goes back and forth");
  }
});

describe("the steps of drawing grow as the text does", () => {
  test.each(FOUND)("$opener, many times $pieces, $end", expectLinear);

  test("whatever is repeated", () => {
    fc.assert(fc.property(hostile, expectLinear), { numRuns: 150, seed: 1 });
  });
});

describe("a growing answer", () => {
  const text = fc
    .array(fc.oneof(piece, fc.constantFrom("word ", "\n\n", "\n- b", "\n```\n")))
    .map((all) => all.join(""));

  test("is drawn as it would be at once, wherever it is cut", () => {
    fc.assert(
      fc.property(text, fc.integer(), (whole, seed) => {
        const random = seeded(seed);
        const element = page();
        for (let at = 0; at < whole.length; at += 1 + Math.floor(4 * random()))
          showMarkdown(element, whole.slice(0, at));
        showMarkdown(element, whole);
        expect(element.childNodes.join(" ")).toBe(drawn(whole));
      }),
      { numRuns: 2000, seed: 1 },
    );
  });

  test("is read on from its last blocks, and the others keep their nodes", () => {
    const blocks = ["A *word*.\n\n", "- one\n- two\n\n", "# Next\n\n", "```\ncode\n```\n\n"];
    const whole = (count: number) => Array.from({ length: count }, (_, n) => blocks[n % blocks.length]).join("");
    const steps = (count: number) => {
      const element = page();
      return stepsOf(() => {
        const all = whole(count);
        for (let at = 0; at <= all.length; at += 3) showMarkdown(element, all.slice(0, at));
      });
    };
    expect(steps(80)).toBeLessThan(2.5 * steps(40));
    const element = page();
    showMarkdown(element, whole(4));
    const before = [...element.childNodes];
    showMarkdown(element, `${whole(4)}More.`);
    expect(element.childNodes.slice(0, 4)).toEqual(before);
    expect(element.childNodes.map((node, n) => node === before[n])).toEqual([true, true, true, true, false]);
  });

  test("that is one list keeps its items", () => {
    const element = page();
    showMarkdown(element, "1. a\n2. b\n3. c");
    const [list] = element.childNodes;
    const before = [...list!.childNodes];
    showMarkdown(element, "1. a\n2. b\n3. cd\n\n   e\n4. f");
    expect(element.childNodes).toEqual([list]);
    expect(`${list}`).toBe('ol 1(li("a"), li("b"), li("cd", p("e")), li("f"))');
    expect(list!.childNodes.map((node, n) => node === before[n])).toEqual([true, true, false, false]);
  });

  test("that is another one, or in an emptied element, is drawn anew", () => {
    const element = page();
    showMarkdown(element, "a\n\nb\n\nc\n\nd");
    showMarkdown(element, "a\n\nx\n\nc");
    expect(element.childNodes.join(" ")).toBe('p("a") p("x") p("c")');
    element.replaceChildren();
    showMarkdown(element, "a\n\nx\n\nc");
    expect(element.childNodes.join(" ")).toBe('p("a") p("x") p("c")');
  });
});
