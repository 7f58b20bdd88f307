/**
 * `npm run bench wan -- --emulate [NAME]`: what drafts do before an emulated GPU. Drafter, edge, network, gateway and
 * scheduling are real, through workerd and a WebSocket; the GPU replays recorded answers at published costs.
 *
 *   npm run bench wan -- --emulate [NAME] [--quick] [--rtt 0,5,20,50,100,200] [--prompts 6] [--tokens 64] [--runs 2]
 *     [--recorded FILE --questions FILE.jsonl]
 *
 * NAME is an accelerator, or a class with the ms of a pass as gemm16:25 (`outrider start --emulate list`). Without one
 * the grid has all classes at several passes. The last line is JSON, with the keys
 *
 *   grid    by accelerator and round trip: `stream`, `time`, `passes`, `wait` (emulated-grid.ts)
 *   draft   the default draft's step here, and its acceptance on the answers of the grid
 *
 * Close other programs.
 */

import { acceleratorNamed } from "../../src/origin/engines/accelerators.ts";
import { textTable } from "../../src/tools/charts/text-table.ts";
import { draftFacts } from "../../src/tools/evaluate/draft-facts.ts";
import { parseOptions } from "../support/parse-options.ts";
import { REAL_PAIR } from "../support/real.ts";
import { type Cell, type CellFigures, type Measured, measureGrid, rounded, WAY_NAMES } from "./emulated-grid.ts";
import { questionsIn } from "./questions.ts";
import { RECORDED, recordedQuestions } from "./recorded-questions.ts";
import { representative } from "./representative.ts";

const { values, positionals } = parseOptions({
  options: {
    emulate: { type: "boolean" },
    quick: { type: "boolean", default: false },
    rtt: { type: "string" },
    prompts: { type: "string", default: "6" },
    tokens: { type: "string" },
    runs: { type: "string" },
    recorded: { type: "string", default: RECORDED },
    questions: { type: "string" },
  },
  allowPositionals: true,
});
const [name] = positionals;
if (name !== undefined) acceleratorNamed(name);
const { quick } = values;
const tokens = Number(values.tokens ?? (quick ? 32 : 64));
const progress = (line: string): void => void process.stderr.write(`${line}\n`);

const texts = values.questions === undefined ? undefined : questionsIn(values.questions).map(({ text }) => text);
const all = await recordedQuestions(Number.POSITIVE_INFINITY, tokens, {
  file: values.recorded,
  ...(texts && { texts }),
});
const questions = await representative(all, Number(values.prompts), tokens);
const facts = await draftFacts(
  REAL_PAIR.draft!,
  questions.map(({ prompt, answer }) => ({ prompt, answer: answer.slice(0, tokens) })),
  questions.length * tokens,
);
const runs = Number(values.runs ?? (quick ? 1 : 2));
const grid = await measureGrid(cells(), { questions, tokens, runs, recorded: values.recorded, progress });
print(grid);
const draft = {
  step_ms: rounded(facts.draftStepMs),
  acceptance: rounded(facts.acceptance),
  questions: questions.length,
};
console.log(JSON.stringify({ draft, grid }));

/** The cells first where the run is quick; else every class at every pass and distance. */
function cells(): Cell[] {
  const roundTrips = (values.rtt ?? (quick ? "0,5,20,100" : "0,5,20,50,100,200")).split(",").map(Number);
  const at = (accelerator: string, trips = roundTrips): Cell[] =>
    trips.map((roundTripMs) => ({ accelerator, roundTripMs }));
  if (name !== undefined) return at(name);
  if (values.rtt !== undefined || !quick) {
    const classes = ["gemm16", "fp8", "marlin4", "llamacpp4", "metal"];
    return classes.flatMap((costs) => [8, 25, 50, 100].flatMap((ms) => at(`${costs}:${ms}`)));
  }
  return [
    ...at("gemm16:50", [5]),
    ...at("gemm16:25", [0, 5, 20]),
    ...at("gemm16:8", [5, 100]),
    ...at("gemm16:100", [200]),
    ...at("llamacpp4:50", [5]),
    ...at("fp8:25", [5]),
  ];
}

function print(grid: readonly Measured[]): void {
  const names = Object.keys(grid[0]!.stream) as (keyof CellFigures)[];
  const rows = grid.flatMap((cell) =>
    WAY_NAMES.map((way) => [
      cell.accelerator,
      `${cell.roundTripMs}`,
      way,
      ...names.map((figure) => `${cell[way][figure]}`),
    ]),
  );
  console.log("Before emulated GPUs:");
  console.log(textTable(["emulated", "round trip, ms", "way", ...names], rows).join("\n"));
}
