/**
 * `npm run bench capacity`: 1 to 256 clients at one emulated GPU that batches. Gateway, sockets, rounds and the rule
 * for draft lengths are real; the GPU is emulated, and so are the drafters: they replay what the default draft
 * proposed, at a stated time a step.
 *
 *   npm run bench capacity -- [NAME] [--quick] [--clients 1,4,16,64,256] [--rtt 5] [--step MS] [--passes 120]
 *     [--recorded FILE]
 *
 *   none        no drafts
 *   colocated   drafts made on the GPU, of the length that is best there by arithmetic, at the table's step time
 *   time        ours, from an edge that prefers time
 *   passes      ours, from an edge that prefers passes
 *   streams     ours, where the origin never waits: a draft is used in the pass for which it comes in time
 *
 * NAME is an accelerator, or a class with the ms of a pass; `outrider start --emulate list` shows them. Without --step
 * the drafters take the time that a step takes on this machine. The last line is JSON.
 */
import { textTable } from "../../src/tools/charts/text-table.ts";
import { parseOptions } from "../support/parse-options.ts";
import { measureCapacity } from "./capacity-table.ts";
import { RECORDED, recordedQuestions } from "./recorded-questions.ts";
import { draftedAnswers } from "./replayed-drafts.ts";

/** The emulated GPU where none is named: a target whose pass costs what the issue of a fleet is about. */
const DEFAULT = "gemm16:25";

const { values, positionals } = parseOptions({
  options: {
    quick: { type: "boolean", default: false },
    clients: { type: "string" },
    rtt: { type: "string", default: "5" },
    step: { type: "string" },
    passes: { type: "string" },
    recorded: { type: "string", default: RECORDED },
  },
  allowPositionals: true,
});
const TOKENS = 64;
const clients = (values.clients ?? (values.quick ? "1,16,64" : "1,4,16,64,128,256")).split(",").map(Number);
const progress = (line: string): void => void process.stderr.write(`${line}\n`);

const questions = await recordedQuestions(values.quick ? 8 : 16, TOKENS, { file: values.recorded });
const { answers, stepMs } = await draftedAnswers(questions, TOKENS);
const capacity = await measureCapacity(answers, {
  accelerator: positionals[0] ?? DEFAULT,
  clients,
  roundTripMs: Number(values.rtt),
  draftStepMs: values.step === undefined ? Number(stepMs.toFixed(2)) : Number(values.step),
  passes: Number(values.passes ?? (values.quick ? 50 : 120)),
  progress,
});
const heads = Object.keys(capacity.rows[0]!);
console.log(`emulated ${capacity.accelerator}, emulated drafters of ${capacity.draft_step_ms} ms a step`);
console.log(
  textTable(
    heads,
    capacity.rows.map((row) => Object.values(row).map(String)),
  ).join("\n"),
);
console.log(JSON.stringify({ capacity }));
