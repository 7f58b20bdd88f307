/**
 * `npm run bench wan`: the whole path over a distance. Edge in workerd, a proxy that adds a round trip, gateway with
 * the llama engine on one thread; questions, greedy and sampled in turn, asked of each row at each round trip, rows
 * interleaved. The target's weights are in f32: its pass then takes several draft steps and reads more than it
 * computes, as a large model's on a GPU does. (In four bits nine positions cost the CPU six times one: there drafts have
 * nothing to save.)
 *
 *   npm run bench wan -- [--questions FILE.jsonl] [--prompts 4] [--tokens 32] [--runs 5] [--rtt 0,5,20,50,100]
 *     [--quick]
 *
 *   stream      the origin decodes alone
 *   patience0   it decodes on and uses a draft that has arrived
 *   wait        it waits for each draft, of up to 8 tokens
 *   auto        the edge chooses between the two from what it measures
 *   spare       as auto, at an edge whose operator would rather spare passes
 *
 * Each row has an edge of its own, which learns from its own answers alone and gives way to the origin: in truth they
 * share no machine. Each figure is the median over runs, a run being all prompts of a row. The last line is JSON. FILE
 * has Spec-Bench questions, {turns: [text, …]} a line; without it the prompts of test/cases/prompts.ts. Close other
 * programs.
 */
import type { Account } from "../../src/edge/api/outcome.ts";
import { findLlamaLibrary } from "../../src/origin/engines/llama-library.ts";
import { textTable } from "../../src/tools/charts/text-table.ts";
import { faultProxy } from "../support/fault-proxy.ts";
import { parseOptions } from "../support/parse-options.ts";
import { prepare } from "../support/prepared.ts";
import { realF32Gguf } from "../support/real.ts";
import { type Edge, startEdge, startOrigin } from "../support/service.ts";
import { quantile } from "./load/statistics.ts";
import { questionsIn } from "./questions.ts";
import { chatStream } from "./stream-client.ts";
import { summarise } from "./tables.ts";

const MAX_DRAFT = 8;
/** How much half a round trip varies, as a share of itself. */
const JITTER = 0.1;

const { values } = parseOptions({
  options: {
    questions: { type: "string" },
    prompts: { type: "string", default: "4" },
    tokens: { type: "string", default: "32" },
    runs: { type: "string", default: "5" },
    rtt: { type: "string", default: "0,5,20,50,100" },
    quick: { type: "boolean", default: false },
  },
});
const [count, tokens, runs] = values.quick ? [2, 24, 1] : [values.prompts, values.tokens, values.runs].map(Number);
const roundTrips = values.rtt.split(",").map(Number);

interface Row {
  /** What is asked of the edge with each question. */
  readonly asked: Readonly<Record<string, unknown>>;
  /** Whether the origin waits for drafts; `either`: the edge chooses. */
  readonly waits: boolean | "either";
  /** What the edge's operator prefers where a question says nothing. */
  readonly prefer: "time" | "passes";
}

const AUTO = { draft: "model", max_draft: MAX_DRAFT };
const WAIT = { ...AUTO, patience_ms: 60_000 };
const ROWS: Readonly<Record<string, Row>> = {
  stream: { asked: { draft: "off" }, waits: false, prefer: "time" },
  patience0: { asked: { ...AUTO, patience_ms: 0 }, waits: false, prefer: "time" },
  wait: { asked: WAIT, waits: true, prefer: "time" },
  auto: { asked: AUTO, waits: "either", prefer: "time" },
  spare: { asked: AUTO, waits: true, prefer: "passes" },
};

const texts = questionsIn(values.questions).map(({ text }) => text);
// Spread over the file, which is sorted by category.
const prompts = Array.from({ length: Math.min(count!, texts.length) }, (_, n) => {
  return texts[Math.floor((n * texts.length) / Math.min(count!, texts.length))]!;
});

/** Sums over the prompts of one run. */
interface Run {
  readonly tokens: number;
  readonly decodedMs: number;
  readonly firstMs: readonly number[];
  readonly gaps: readonly number[];
  readonly passes: number;
  readonly drafted: number;
  readonly kept: number;
  readonly measured: Account["measured"];
  /** Whether the origin waited for drafts at the end. */
  readonly waited: boolean;
}

const { target, draft } = await prepare();
await findLlamaLibrary();
const origin = await startOrigin(await realF32Gguf(), "llama", [
  "--cpu",
  "--threads",
  "1",
  "--max-sessions",
  "2",
  "--kv-tokens",
  "8192",
]);
const proxy = await faultProxy(Number(new URL(origin.url).port));
const edges = new Map<string, Edge>();
for (const [row, { prefer }] of Object.entries(ROWS)) {
  const originUrl = `http://127.0.0.1:${proxy.port}`;
  const vars = { PREFER: prefer };
  edges.set(row, await startEdge({ targetPack: target, draftPack: draft, originUrl, vars, givesWay: true }));
}
const results = new Map<number, Map<string, Run[]>>();
try {
  for (const rtt of roundTrips) {
    Object.assign(proxy, { delayMs: rtt / 2, jitter: JITTER });
    const rows = new Map<string, Run[]>([...edges.keys()].map((name) => [name, []]));
    results.set(rtt, rows);
    // The first prompt once more before anything counts: weights load, kernels compile, the edge learns the distance.
    for (const name of edges.keys()) await runOf(name, prompts.slice(0, 1), `warm-${rtt}`);
    for (let n = 0; n < runs!; n++) {
      process.stderr.write(`round trip ${rtt} ms, run ${n + 1} of ${runs}\n`);
      for (const [name, done] of rows) done.push(await runOf(name, prompts, `${rtt}-${n}`));
    }
  }
} finally {
  for (const edge of edges.values()) await edge.stop();
  await proxy.close();
  await origin.stop();
}

async function runOf(row: string, asked: readonly string[], label: string): Promise<Run> {
  let decided = 0;
  let decodedMs = 0;
  let passes = 0;
  let drafted = 0;
  let kept = 0;
  const [firstMs, gaps]: [number[], number[]] = [[], []];
  let measured: Account["measured"];
  let waited = false;
  for (const [n, prompt] of asked.entries()) {
    const { timings, account, arrivals, askedAt } = await chatStream(edges.get(row)!.url, prompt, {
      session: `${row}-${label}-${n}`,
      temperature: n % 2 === 0 ? 0 : 0.8,
      seed: n,
      maxTokens: tokens!,
      outrider: ROWS[row]!.asked,
    });
    // The prompt's own pass decides one token and belongs to the time to the first.
    decided += timings.predicted_n - 1;
    passes += timings.target_passes - 1;
    decodedMs += arrivals.at(-1)!.at - arrivals[0]!.at;
    firstMs.push(arrivals[0]!.at - askedAt);
    for (const [i, { at, tokens }] of arrivals.entries()) {
      if (i > 0) gaps.push(at - arrivals[i - 1]!.at, ...new Array<number>(Math.max(0, tokens - 1)).fill(0));
    }
    drafted += timings.draft_n;
    kept += timings.draft_n_accepted;
    measured = account.measured ?? measured;
    waited = account.patience_ms > 0;
  }
  return { tokens: decided, decodedMs, firstMs, gaps, passes, drafted, kept, measured, waited };
}

const median = (numbers: readonly number[]): number => summarise(numbers).median;
const rounded = (value: number): number => Number(value.toPrecision(4));

interface Figures {
  readonly tps: number;
  readonly ttft_ms: number;
  readonly itl_p50_ms: number;
  readonly itl_p95_ms: number;
  readonly passes_per_token: number;
  readonly tokens_per_pass: number;
  readonly positions_per_token: number;
  readonly acceptance: number;
  readonly predicted_tps: number;
}

/** Medians over the runs of a row. */
function figuresOf(runsOfRow: readonly Run[], predicted: (run: Run) => number): Figures {
  const over = (of: (run: Run) => number) => rounded(median(runsOfRow.map(of)));
  return {
    tps: over(({ tokens, decodedMs }) => (1000 * tokens) / decodedMs),
    ttft_ms: over(({ firstMs }) => median(firstMs)),
    itl_p50_ms: over(({ gaps }) => quantile(gaps, 0.5)),
    itl_p95_ms: over(({ gaps }) => quantile(gaps, 0.95)),
    passes_per_token: over(({ passes, tokens }) => passes / tokens),
    tokens_per_pass: over(({ passes, tokens }) => tokens / passes),
    positions_per_token: over(({ passes, drafted, tokens }) => (passes + drafted) / tokens),
    acceptance: over(({ drafted, kept }) => kept / Math.max(1, drafted)),
    predicted_tps: over(predicted),
  };
}

/**
 * Tokens a second of an origin that waits: E / (R + T + K·(t + v)), E and K as counted, the times as the edge measured
 * them.
 */
function waiting({ tokens, passes, drafted, measured }: Run): number {
  if (!measured) return 0;
  const { round_trip_ms, target_step_ms, draft_step_ms, position_ms } = measured;
  const K = drafted / passes;
  return (1000 * (tokens / passes)) / (round_trip_ms + target_step_ms + K * (draft_step_ms + position_ms));
}

const table: Record<string, Record<string, Figures>> = {};
for (const [rtt, rows] of results) {
  // A target step over one position, as the rows that wait measured it: streaming cannot tell it from the way.
  const waited = [...rows].flatMap(([name, all]) => (ROWS[name]!.waits === true ? all : []));
  const steps = waited.flatMap(({ measured }) => (measured ? [measured.target_step_ms] : []));
  // Alone or ahead of its drafts, the origin decides a token a pass at least, each of a target step.
  const streaming = ({ tokens, passes }: Run) => (1000 / median(steps)) * (tokens / passes);
  const predicted = (name: string) => (run: Run) => {
    const { waits } = ROWS[name]!;
    return (waits === "either" ? run.waited : waits) ? waiting(run) : streaming(run);
  };
  table[rtt] = Object.fromEntries([...rows].map(([name, all]) => [name, figuresOf(all, predicted(name))]));
}
for (const [rtt, rows] of Object.entries(table)) {
  const heads = ["row", ...Object.keys(Object.values(rows)[0]!)];
  const cells = Object.entries(rows).map(([name, figures]) => [name, ...Object.values(figures).map(String)]);
  console.log(`\nround trip ${rtt} ms\n${textTable(heads, cells).join("\n")}`);
}
console.log(JSON.stringify({ rtt: table }));
