/**
 * `npm run bench:rules`: how long should a draft be? Our window beside the rules that are known from papers, on
 * recorded traces of the default pair (rules/traces.jsonl.gz): no model runs, and nothing is timed.
 *
 *   npm run bench:rules -- [--quick] [--traces FILE.jsonl.gz] [--cells FILE.jsonl]
 *
 * Every cell of the grid is a cost class of target passes, T and t and R in ms, and how R behaves: steady, drifting, or
 * jumping. The origin waits for each draft, a chain of at most 16 tokens, and goes on by itself where there is none;
 * nothing is drafted meanwhile. Rules begin each cell knowing nothing.
 *
 *   achievable    the best of what may choose afterwards but does not know outcomes: the best fixed length, the best
 *                 threshold of confidence, and the informed rule (rules/oracles.ts)
 *   clairvoyant   knows which tokens will be kept
 *
 * --cells writes a line of JSON a cell. The last line is JSON: `window_vs_oracle` is the mean over the grid of the
 * window's tokens per ms ÷ the achievable ones. The whole grid takes some minutes, --quick some seconds.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { textTable } from "../../src/tools/charts/text-table.ts";
import { asLines } from "../../src/tools/text/text-file.ts";
import { parseOptions } from "../support/parse-options.ts";
import { achievable, type Cell, type Rates, RULES, ratesAt } from "./rules/compare.ts";
import { modelOf } from "./rules/oracles.ts";
import { tokensOf } from "./rules/replay.ts";
import { readTraces } from "./rules/trace.ts";
import { WEATHERS } from "./rules/weather.ts";

const { values } = parseOptions({
  options: {
    quick: { type: "boolean", default: false },
    traces: { type: "string", default: path.join(import.meta.dirname, "rules/traces.jsonl.gz") },
    cells: { type: "string" },
  },
});

const GRID = values.quick
  ? { costs: ["gemm16", "llamacpp4"], T: [25, 50], R: [5, 50], t: [4] }
  : {
      costs: ["gemm16", "fp8", "marlin4", "llamacpp4", "metal"],
      T: [8, 25, 50, 100],
      R: [0, 5, 20, 50, 200],
      t: [2.5, 4],
    };

const answers = readTraces(values.traces);
const model = modelOf(answers.flatMap(({ chains }) => chains));
const cells = Object.keys(WEATHERS).flatMap((weather) =>
  GRID.costs.flatMap((costs) =>
    GRID.T.flatMap((passMs) =>
      GRID.R.flatMap((roundTripMs) =>
        GRID.t.map((draftStepMs) => ({ costs, passMs, roundTripMs, draftStepMs, weather }) as Cell),
      ),
    ),
  ),
);
const results: { cell: Cell; rates: Rates }[] = [];
for (const [n, cell] of cells.entries()) {
  if (n % 50 === 0) process.stderr.write(`\r${n} of ${cells.length} cells`);
  results.push({ cell, rates: ratesAt(answers, model, cell) });
}
process.stderr.write(`\r${cells.length} cells\n`);

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
const fixed = (value: number): string => value.toFixed(3);
const RANKED = [...Object.keys(RULES), "best fixed", "best threshold", "informed"];
/** Of each rule, tokens per ms divided by what `of` gives, mean over cells. */
const against = (of: (rates: Rates) => number, where: (result: (typeof results)[number]) => boolean = () => true) =>
  Object.fromEntries(
    RANKED.map((name) => [name, mean(results.filter(where).map(({ rates }) => rateOf(rates, name) / of(rates)))]),
  );

function rateOf(rates: Rates, name: string): number {
  if (name === "best fixed") return rates.bestFixed;
  if (name === "best threshold") return rates.bestThreshold;
  return name === "informed" ? rates.informed : rates.rules[name]!;
}

const columns: Record<string, Record<string, number>> = {
  "÷ achievable": against(achievable),
  ...Object.fromEntries(
    Object.keys(WEATHERS).map((weather) => [weather, against(achievable, ({ cell }) => cell.weather === weather)]),
  ),
  // Elsewhere drafts lose time however long they are, and the rules of papers do not know to make none.
  "where drafts pay": against(achievable, ({ rates }) => achievable(rates) > 1.001 * rates.streaming),
  // As if each rule had known in which cells to make no drafts at all.
  "or no drafts": Object.fromEntries(
    RANKED.map((name) => [
      name,
      mean(results.map(({ rates }) => Math.max(rateOf(rates, name), rates.streaming) / achievable(rates))),
    ]),
  ),
  "÷ best fixed": against(({ bestFixed }) => bestFixed),
  "÷ clairvoyant": against(({ clairvoyant }) => clairvoyant),
};
const least = (name: string) => Math.min(...results.map(({ rates }) => rateOf(rates, name) / achievable(rates)));
console.log(
  `${answers.length} answers, ${tokensOf(answers)} tokens, ${cells.length} cells; tokens per ms, mean of ratios\n`,
);
console.log(
  textTable(
    ["rule", ...Object.keys(columns), "worst cell"],
    RANKED.map((name) => [name, ...Object.values(columns).map((column) => fixed(column[name]!)), fixed(least(name))]),
  ).join("\n"),
);

const LOSS = 0.97;
/** Cells in which a rule that needs no hindsight beats the window by more than 3 %. */
const lost = results.flatMap(({ cell, rates }) => {
  const others = Object.entries(rates.rules).filter(([name]) => name !== "window");
  const [name, rate] = others.reduce((best, other) => (other[1] > best[1] ? other : best));
  const ratio = rates.rules.window! / rate;
  return ratio < LOSS ? [{ cell, name, ratio }] : [];
});
console.log(`\nCells in which another rule makes over 3 % more than the window: ${lost.length}`);
for (const { cell, name, ratio } of lost.toSorted((a, b) => a.ratio - b.ratio).slice(0, 12)) {
  const { costs, passMs, roundTripMs, draftStepMs, weather } = cell;
  console.log(`  ${costs} T ${passMs} R ${roundTripMs} t ${draftStepMs} ${weather}: ${fixed(ratio)} of ${name}`);
}
if (values.cells) {
  writeFileSync(values.cells, asLines(results));
}
const rounded = (of: Record<string, number>) =>
  Object.fromEntries(Object.entries(of).map(([name, value]) => [name, Number(value.toFixed(4))]));
console.log(
  JSON.stringify({
    window_vs_oracle: Number(columns["÷ achievable"]!.window!.toFixed(4)),
    vs_best_fixed: rounded(columns["÷ best fixed"]!),
    vs_achievable: rounded(columns["÷ achievable"]!),
    vs_achievable_or_no_drafts: rounded(columns["or no drafts"]!),
    vs_clairvoyant: rounded(columns["÷ clairvoyant"]!),
    lost_cells: lost.length / cells.length,
  }),
);
