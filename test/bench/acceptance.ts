/**
 * Tokens per target pass through the running service, by category of question.
 *
 *   npm run bench acceptance -- [--questions FILE.jsonl] [--every 3] [--tokens 64] [--draft model]
 *     [--temperature 0] [--drafted 8] [--pack DIR] [--pair qwen2.5-coder-1.5b]
 *
 * FILE has one Spec-Bench question a line: {category, turns: [text, …]}; the first turn is asked. Without it, the
 * prompts of test/cases/prompts.ts. --pack: another draft than the default. Runs edge and embedded origin in workerd,
 * or with --pair the pair's target in llama.cpp in Node, asked what test/cases/prompts.ts has without a FILE;
 * the origin waits for drafts of at most --drafted tokens, siblings among them. Prints a table, the mean that gives every
 * category the same weight and, last, one JSON line.
 */
import path from "node:path";
import { packBytes } from "../../src/core/format/pack-header.ts";
import { cacheFolder } from "../../src/core/platform/places.ts";
import { findLlamaLibrary } from "../../src/origin/engines/llama-library.ts";
import { decodeSpeed, timedLlama } from "../../src/tools/inspect/timing.ts";
import { obtainModel } from "../../src/tools/obtain/obtain.ts";
import { knownPairs, type Pair, pairNamed } from "../../src/tools/obtain/pair.ts";
import { CODING_PROMPTS } from "../cases/prompts.ts";
import { ask, chat } from "../support/chat.ts";
import { parseOptions } from "../support/parse-options.ts";
import { prepare } from "../support/prepared.ts";
import { type Running, startEdge, startOrigin } from "../support/service.ts";
import { loadPack, packHeader } from "../support/tiny.ts";
import { PAGES } from "./measure.ts";
import { questionsIn } from "./questions.ts";

const { values } = parseOptions({
  options: {
    questions: { type: "string" },
    every: { type: "string", default: "3" },
    tokens: { type: "string", default: "64" },
    draft: { type: "string", default: "model" },
    temperature: { type: "string", default: "0" },
    drafted: { type: "string", default: "8" },
    pack: { type: "string" },
    pair: { type: "string" },
  },
});

const MODELS = path.resolve(import.meta.dirname, "../../models");

/** Spec-Bench has six categories: the eight of MT-Bench are one of them. */
const MT_BENCH = ["writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities"];

// Our own prompts are few: all of them are asked.
const every = values.questions ? Number(values.every) : 1;
const questions = questionsIn(values.questions, values.pair ? CODING_PROMPTS : undefined).filter(
  (_, i) => i % every === 0,
);

const pair = values.pair ? pairNamed(values.pair, knownPairs(MODELS)) : null;
const packs = pair ? { target: "", draft: pair.draft } : await prepare();
const draft = values.pack ?? packs.draft;
if (!draft) throw new Error(`the pair ${values.pair} has no draft in this copy of the project; give one with --pack`);
const origin = pair ? await llamaOrigin(pair) : null;
const edge = await startEdge({
  targetPack: packs.target,
  draftPack: draft,
  ...(origin ? { originUrl: origin.url } : {}),
});

/** The pair's target in llama.cpp, on one thread: the edge needs the other core. */
async function llamaOrigin({ target }: Pair): Promise<Running> {
  await findLlamaLibrary();
  const { path: file } = await obtainModel(target, path.join(cacheFolder(), "models"));
  const serve = ["--cpu", "--threads", "1", "--max-sessions", "2", "--kv-tokens", "2048", "--name", target.model];
  return startOrigin(file, "llama", serve);
}
const totals = new Map<
  string,
  { questions: number; tokens: number; passes: number; drafted: number; verified: number; kept: number }
>();
try {
  for (const [i, { category, text }] of questions.entries()) {
    const { timings } = await chat(edge.url, ask(text), {
      ...(pair ? { model: pair.target.model } : {}),
      session: `acceptance-${i}`,
      maxTokens: Number(values.tokens),
      temperature: Number(values.temperature),
      seed: i,
      outrider: { draft: values.draft, patience_ms: 60_000, max_draft: Number(values.drafted) },
    });
    for (const name of [MT_BENCH.includes(category) ? "multi-turn" : category, "all"]) {
      const sum = totals.get(name) ?? { questions: 0, tokens: 0, passes: 0, drafted: 0, verified: 0, kept: 0 };
      sum.questions++;
      sum.tokens += timings.predicted_n;
      sum.passes += timings.target_passes;
      sum.drafted += timings.draft_n;
      sum.verified += timings.draft_n_judged;
      sum.kept += timings.draft_n_accepted;
      totals.set(name, sum);
    }
    process.stderr.write(`\r${i + 1} of ${questions.length}`);
  }
} finally {
  process.stderr.write("\n");
  await edge.stop();
  await origin?.stop();
}

const stepMs = 1000 / (await decodeSpeed(timedLlama(await loadPack(draft, PAGES, 1))));
const shards = packBytes(packHeader(draft));
console.log(
  `draft ${values.draft}, ${(shards / 1e6).toFixed(1)} MB, a step of ${stepMs.toFixed(1)} ms in Node, ` +
    `temperature ${values.temperature}, ${values.drafted} drafted at most`,
);
const rows = [...totals].map(([category, sum]) => ({
  category,
  questions: sum.questions,
  tokens: sum.tokens,
  "tokens per pass": Number((sum.tokens / sum.passes).toFixed(2)),
  "kept of drafted": Number((sum.kept / Math.max(1, sum.drafted)).toFixed(2)),
  "acceptance rate": Number((sum.kept / Math.max(1, sum.verified)).toFixed(2)),
}));
console.table(rows);
const means = [...totals].filter(([name]) => name !== "all").map(([, { tokens, passes }]) => tokens / passes);
const mean = means.reduce((sum, value) => sum + value, 0) / means.length;
console.log(`mean of the categories: ${mean.toFixed(2)} tokens per pass`);
console.log(JSON.stringify({ draftBytes: shards, draftStepMs: stepMs, mean, rows }));
