/**
 * `npm run bench:origin`: tokens that an engine decides per second for 1 to 16 sessions at once, with drafts and
 * without, through a real gateway and real sockets on this machine.
 *
 *   npm run bench:origin -- [--engine llama] [--model PATH] [--url URL] [--sessions 1,2,4,8,16] [--tokens 48]
 *     [--rounds 3] [--accept 0.7]
 *
 * Drafts cost nothing here, so that the engine alone is measured: 8 tokens of the answer that the engine gave before,
 * each of them replaced by a wrong one with probability 1 - accept. Greedy. Without --model, the model of `outrider
 * prepare`: its pack for wasm, its weights in f32 for the others, on one thread; without --url, SGLang and vLLM are
 * installed and started on the CPU as `npm run test:engines` does. Rounds with and without drafts take turns. The last
 * line is JSON. Close other programs.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer } from "../../src/core/model/tokenizer.ts";
import { History } from "../../src/core/speculate/history.ts";
import { generate } from "../../src/core/speculate/round.ts";
import { type Drafter, GREEDY, type Proposed } from "../../src/core/speculate/types.ts";
import { Window } from "../../src/core/speculate/window.ts";
import { VerifyClient } from "../../src/core/verify/client.ts";
import { findLlamaLibrary } from "../../src/origin/engines/llama-library.ts";
import { engineRow } from "../../src/origin/engines.ts";
import { DEFAULT_LIMITS, Gateway } from "../../src/origin/gateway.ts";
import { serveOrigin } from "../../src/origin/node.ts";
import { textTable } from "../../src/tools/charts/text-table.ts";
import { prepare } from "../../src/tools/commands/prepare.ts";
import { PROMPTS } from "../cases/prompts.ts";
import { realCheckpoint } from "../engines/checkpoint.ts";
import { SERVERS } from "../engines/servers.ts";
import { parseOptions } from "../support/parse-options.ts";
import { seeded } from "../support/random.ts";
import { realF32Gguf } from "../support/real.ts";
import { summarise } from "./tables.ts";

const DRAFT = 8;

const { values } = parseOptions({
  options: {
    engine: { type: "string", default: "llama" },
    model: { type: "string" },
    url: { type: "string" },
    sessions: { type: "string", default: "1,2,4,8,16" },
    tokens: { type: "string", default: "48" },
    rounds: { type: "string", default: "3" },
    accept: { type: "string", default: "0.7" },
  },
});
const concurrent = values.sessions.split(",").map(Number);
const [tokens, rounds, accept] = [values.tokens, values.rounds, values.accept].map(Number) as [number, number, number];
const most = Math.max(...concurrent);

const { target } = await prepare();
const tokenizer = new Tokenizer(readFileSync(join(target, "tokenizer.json"), "utf8"));
if (values.engine === "llama") await findLlamaLibrary();
const { start } = SERVERS[values.engine] ?? {};
const server = values.url || !start ? null : await start(await realCheckpoint(target), 30_300, "float32");
const OWN: Readonly<Record<string, () => Promise<string>>> = { wasm: async () => target, llama: realF32Gguf };
const engine = await engineRow(values.engine).load({
  model: values.model ?? (await (OWN[values.engine] ?? (() => realCheckpoint(target)))()),
  url: values.url ?? server?.url ?? null,
  engineToken: null,
  kept: most,
  kvTokens: most * 512,
  threads: 1,
  gpu: false,
});
const limits = { ...DEFAULT_LIMITS, live: most, kept: most, token: null, now: () => performance.now() };
const gateway = new Gateway(engine, limits);
const origin = await serveOrigin(gateway, 0, "127.0.0.1");

interface Answer {
  readonly tokens: readonly number[];
  readonly passes: number;
}

let sessions = 0;
async function answer(prompt: readonly number[], drafter: Drafter | null): Promise<Answer> {
  const client = new VerifyClient({
    way: { connect: async () => new WebSocket(`ws://127.0.0.1:${origin.port}/v1/verify`) },
    open: {
      model: engine.model,
      vocabulary: engine.vocabulary.hash,
      session: `bench-${sessions++}`,
      sampling: GREEDY,
      rule: { kind: "exact" },
      patience: drafter ? 1000 : 0,
      stop: [],
    },
    timeline: prompt,
    keep: 0,
    vocabularySize: engine.vocabulary.size,
    maxTokens: tokens,
  });
  const policy = { maxDraft: DRAFT, fallback: 0, patience: drafter ? 1000 : 0, spare: "passes" } as const;
  const timeline = [...prompt];
  const { steps } = generate(timeline, drafter, client, new Window(policy, new History()));
  for (;;) {
    const step = await steps.next();
    if (step.done) return { tokens: timeline.slice(prompt.length), passes: step.value.passes };
  }
}

/** Proposes the known answer, with wrong tokens now and then. */
function replay(prompt: readonly number[], known: readonly number[], seed: number): Drafter {
  const random = seeded(seed);
  let at = 0;
  return {
    async sync(timeline) {
      at = timeline.length - prompt.length;
    },
    async propose(max): Promise<readonly Proposed[]> {
      const right = known.slice(at, at + Math.min(max, DRAFT));
      const said = right.map((id) => (random() < accept ? id : (id + 1) % engine.vocabulary.size));
      return said.map((id) => ({ id, confidence: accept, source: "model" }));
    },
  };
}

const prompts = Array.from({ length: most }, (_, n) => [...tokenizer.encode(PROMPTS[n % PROMPTS.length]!)]);
const known: (readonly number[])[] = [];
for (const prompt of prompts) known.push((await answer(prompt, null)).tokens);

/** Tokens emitted per second by n sessions at once, and tokens per pass. */
async function round(n: number, drafts: boolean, seed: number): Promise<{ tps: number; perPass: number }> {
  const started = performance.now();
  const answers = await Promise.all(
    prompts.slice(0, n).map((prompt, i) => answer(prompt, drafts ? replay(prompt, known[i]!, seed + i) : null)),
  );
  const seconds = (performance.now() - started) / 1000;
  const decided = answers.reduce((sum, each) => sum + each.tokens.length, 0);
  return { tps: decided / seconds, perPass: decided / answers.reduce((sum, { passes }) => sum + passes, 0) };
}

const results: Record<string, { alone: number; drafted: number; ratio: number; tokens_per_pass: number }> = {};
for (const n of concurrent) {
  const [alone, drafted]: [number[], { tps: number; perPass: number }[]] = [[], []];
  for (let k = 0; k < rounds; k++) {
    alone.push((await round(n, false, 0)).tps);
    drafted.push(await round(n, true, 100 * k));
  }
  const [without, withDrafts] = [summarise(alone).median, summarise(drafted.map(({ tps }) => tps)).median];
  results[n] = {
    alone: Number(without.toFixed(1)),
    drafted: Number(withDrafts.toFixed(1)),
    ratio: Number((withDrafts / without).toFixed(2)),
    tokens_per_pass: Number(summarise(drafted.map(({ perPass }) => perPass)).median.toFixed(2)),
  };
}
await origin.close();
await server?.stop();
const heads = ["sessions", "tokens/s alone", "with drafts", "ratio", "tokens a pass"];
console.log(`${values.engine}, ${engine.model}, drafts of ${DRAFT} at ${accept} acceptance a token`);
console.log(
  textTable(
    heads,
    Object.entries(results).map(([n, row]) => [n, ...Object.values(row).map(String)]),
  ).join("\n"),
);
console.log(JSON.stringify({ [values.engine]: results }));
