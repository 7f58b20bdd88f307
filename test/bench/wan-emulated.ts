/**
 * `npm run bench wan -- --emulate [NAME]`: what drafts do before an emulated GPU. Drafter, edge, network, gateway and
 * scheduling are real, through workerd and a WebSocket; the GPU replays recorded answers at published costs.
 *
 *   npm run bench wan -- --emulate [NAME] [--quick] [--rtt 0,5,20,50,100,200] [--prompts 6] [--tokens 64] [--runs 2]
 *     [--recorded FILE --questions FILE.jsonl] [--only grid,default,capacity]
 *
 * NAME is an accelerator, or a class with the ms of a pass as gemm16:25 (`outrider start --emulate list`). Without one
 * the grid has all classes at several passes. The last line is JSON, with the keys
 *
 *   grid              by accelerator and round trip: `stream`, `time`, `passes`, `wait` (emulated-grid.ts)
 *   draft             the default draft's step here, and its acceptance on the answers of the grid
 *   default_vs_off    `npm start` as it is, default ÷ drafts off, no GPU of any kind (against-off.ts)
 *   capacity          tokens a second of many clients (capacity.ts)
 *
 * Close other programs.
 */

import { acceleratorNamed } from "../../src/origin/engines/accelerators.ts";
import { textTable } from "../../src/tools/charts/text-table.ts";
import { draftFacts } from "../../src/tools/evaluate/draft-facts.ts";
import { parseOptions } from "../support/parse-options.ts";
import { REAL_PAIR } from "../support/real.ts";
import { npmStart } from "../support/service.ts";
import { againstOff } from "./against-off.ts";
import { measureCapacity } from "./capacity-table.ts";
import { type Cell, type CellFigures, type Measured, measureGrid, rounded, WAY_NAMES } from "./emulated-grid.ts";
import { questionsIn } from "./questions.ts";
import { RECORDED, recordedQuestions } from "./recorded-questions.ts";
import { draftedAnswers } from "./replayed-drafts.ts";
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
    only: { type: "string", default: "grid,default,capacity" },
  },
  allowPositionals: true,
});
const [name] = positionals;
if (name !== undefined) acceleratorNamed(name);
const { quick } = values;
const tokens = Number(values.tokens ?? (quick ? 32 : 64));
const wanted = new Set(values.only.split(","));
const progress = (line: string): void => void process.stderr.write(`${line}\n`);

const texts = values.questions === undefined ? undefined : questionsIn(values.questions).map(({ text }) => text);
const all = await recordedQuestions(Number.POSITIVE_INFINITY, tokens, {
  file: values.recorded,
  ...(texts && { texts }),
});
const questions = await representative(all, Number(values.prompts), tokens);
const recorded = questions.map(({ prompt, answer }) => ({ prompt, answer: answer.slice(0, tokens) }));
const { draftStepMs, acceptance } = await draftFacts(REAL_PAIR.draft!, recorded, questions.length * tokens);
const result: Record<string, unknown> = {
  draft: { step_ms: rounded(draftStepMs), acceptance: rounded(acceptance), questions: questions.length },
};

if (wanted.has("grid")) {
  const runs = Number(values.runs ?? (quick ? 1 : 2));
  const grid = await measureGrid(cells(), { questions, tokens, runs, recorded: values.recorded, progress });
  print(grid);
  result.grid = grid;
}
if (wanted.has("default")) {
  const service = await npmStart();
  try {
    result.default_vs_off = (await againstOff(service.url, { rounds: quick ? 1 : 4, tokens, progress })).default_vs_off;
  } finally {
    await service.stop();
  }
}
if (wanted.has("capacity")) {
  const { answers } = await draftedAnswers(await recordedQuestions(8, 64, { file: values.recorded }), 64);
  result.capacity = await measureCapacity(answers, {
    accelerator: name ?? "gemm16:25",
    clients: quick ? [16, 64] : [1, 4, 16, 64, 256],
    roundTripMs: 5,
    draftStepMs: rounded(draftStepMs),
    passes: quick ? 50 : 120,
    progress,
  });
}
console.log(JSON.stringify(result));

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
