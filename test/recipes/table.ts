/**
 * `npm run bench recipes-table -- FIGURES.jsonl SPEEDS.json`: the table of docs/record/recipes.md, from the lines of `outrider eval
 * … --json` and the last line of `npm run bench recipes`. By size; in bold what no pack of at most its size equals in
 * tokens a pass of 8.
 */
import { readFileSync } from "node:fs";
import { figureTable } from "../../src/tools/evaluate/columns.ts";
import type { Figures } from "../../src/tools/evaluate/figures.ts";
import { shortNames } from "../../src/tools/report/names.ts";
import { paretoFront } from "../../src/tools/report/pareto-front.ts";

const [figuresFile, speedsFile] = process.argv.slice(2);
if (figuresFile === undefined || speedsFile === undefined) {
  throw new Error("usage: npm run bench recipes-table -- FIGURES.jsonl SPEEDS.json");
}
const lines = readFileSync(figuresFile, "utf8").split("\n").filter(Boolean);
const speeds = JSON.parse(readFileSync(speedsFile, "utf8").trim().split("\n").at(-1)!) as Record<string, number>;
// The last line of a pack counts, as in a report.
const byPack = new Map(lines.map((line) => JSON.parse(line) as Figures).map((figures) => [figures.pack, figures]));
const names = shortNames([...byPack.keys()]);
const all = [...byPack.values()]
  .map((figures, n) => {
    const decodeTps = speeds[names[n]!] ?? speeds[figures.model];
    return { ...figures, pack: names[n]!, ...(decodeTps !== undefined && { decodeTps }) };
  })
  .sort((a, b) => a.bytes - b.bytes);
const points = all.map(({ pack, bytes, acceptance }) => ({ pack, size: bytes, value: acceptance!.tokensPerPass8 }));
const front = new Set(paretoFront(points, 1).map(({ pack }) => pack));
const { heads, rows } = figureTable(all);
const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
console.log(row(heads));
console.log(row(heads.map((_, n) => (n === 0 ? "---" : "---:"))));
for (const cells of rows) console.log(row(front.has(cells[0]!) ? cells.map((cell) => `**${cell}**`) : cells));
