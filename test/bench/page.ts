/**
 * How long the page takes to draw 20,000 characters of an answer: at once, of every kind that has cost much (pieces of
 * Markdown repeated, alone and behind what opens something), and growing by eight characters at a time, as answers do.
 * In Chromium, in milliseconds.
 */
import { textTable } from "../../src/tools/charts/text-table.ts";
import { scripted } from "../page/scripted.ts";
import { launchChromium } from "../support/chromium.ts";

const CHARS = 20_000;
const TIMES = 4;
const SHOWN = 12;

const PIECES = [
  ...[
    "*",
    "**",
    "_",
    "__",
    "~~",
    "`",
    "```",
    "~~~",
    "[",
    "]",
    "](",
    "[a](",
    "[a](http://b)",
    "(",
    ")",
    "#",
    "# ",
    "\\",
  ],
  ...[
    "|",
    "|-",
    "-",
    "- ",
    "> ",
    "1. ",
    "\n",
    "\n\n",
    "  \n",
    " ",
    "  ",
    "\t",
    "\r",
    "\u2028",
    ".",
    "!",
    ":",
    '"',
    "a",
  ],
  ...["http://", "<", "é", "🙂"],
];
const OPENERS = ["", "# ", "```", "[a](b ", "|a|b|\n|-|-|\n"];
const ENDS = ["", "x\ry`", "b"];

const kinds = [
  ...PIECES.flatMap((piece) => OPENERS.flatMap((opener) => ENDS.map((end) => ({ opener, piece, end })))),
  ...PIECES.flatMap((first) => PIECES.map((second) => ({ opener: "", piece: first + second, end: "" }))),
];

/** Answers that grow, by what they consist of. */
const GROWING = {
  "paragraphs, lists and code": "A *word* of it.\n\n- one\n- two\n\n```\nlet code;\n```\n\n",
  "one paragraph": "word *word* ",
  "one list": "- item **x**\n",
  "one block of code": "let code;\n",
};
const GROWS_BY = 8;

const edge = await scripted();
const browser = await launchChromium();
try {
  const page = await browser.newPage();
  await page.goto(edge.url);
  const times = (await page.evaluate(
    `(async () => {
      const { showMarkdown } = await import("./markdown.js");
      const drawn = (text) => {
        const element = document.createElement("div");
        element.className = "text";
        document.getElementById("log").append(element);
        const started = performance.now();
        showMarkdown(element, text);
        const made = performance.now() - started;
        void element.offsetHeight;
        const all = performance.now() - started;
        element.remove();
        return [made, all];
      };
      const least = (all) => [Math.min(...all.map(([made]) => made)), Math.min(...all.map(([, laid]) => laid))];
      return ${JSON.stringify(kinds)}.map(({ opener, piece, end }) => {
        const text = opener + piece.repeat(Math.ceil(${CHARS} / piece.length)) + end;
        const times = [drawn(text)];
        // What is quick is not drawn again.
        while (times.length < ${TIMES} && times[0][1] > 10) times.push(drawn(text));
        return least(times);
      });
    })()`,
  )) as [number, number][];
  const grown = (await page.evaluate(
    `(async () => {
      const { showMarkdown } = await import("./markdown.js");
      return ${JSON.stringify(Object.entries(GROWING))}.map(([, piece]) => {
        const text = (piece === "let code;\\n" ? "\`\`\`\\n" : "") + piece.repeat(Math.ceil(${CHARS} / piece.length));
        const element = document.createElement("div");
        element.className = "text";
        document.getElementById("log").append(element);
        let [all, most] = [0, 0];
        for (let end = 0; end <= text.length; end += ${GROWS_BY}) {
          const started = performance.now();
          showMarkdown(element, text.slice(0, end));
          const ms = performance.now() - started;
          all += ms;
          most = Math.max(most, ms);
        }
        element.remove();
        return [all, most];
      });
    })()`,
  )) as [number, number][];
  console.log(`${CHARS} characters that grow by ${GROWS_BY}, ${CHARS / GROWS_BY} drawings:`);
  console.log(
    textTable(
      ["answer", "all drawings, ms", "the longest, ms"],
      Object.keys(GROWING).map((name, n) => [name, ...grown[n]!.map((ms) => ms.toFixed(1))]),
    ).join("\n"),
  );
  const rows = kinds.map(({ opener, piece, end }, n) => ({
    kind: `${JSON.stringify(opener)} ${JSON.stringify(piece)} … ${JSON.stringify(end)}`,
    made: times[n]![0],
    laid: times[n]![1],
  }));
  for (const by of ["made", "laid"] as const) {
    const worst = rows.toSorted((a, b) => b[by] - a[by]).slice(0, SHOWN);
    console.log(`\nOf ${kinds.length} kinds, the slowest ${by === "made" ? "to draw" : "to draw and lay out"}:`);
    console.log(
      textTable(
        ["opener, piece, end", "drawn, ms", "and laid out, ms"],
        worst.map(({ kind, made, laid }) => [kind, made.toFixed(1), laid.toFixed(1)]),
      ).join("\n"),
    );
  }
  const over = rows.filter(({ made }) => made > 50).length;
  console.log(`\n${over} of ${kinds.length} kinds took more than 50 ms to draw.`);
} finally {
  await browser.close();
  await edge.close();
}
