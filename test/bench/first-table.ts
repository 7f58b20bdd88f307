/**
 * `npm run bench`: prefill, decode and verification speed of target and draft, in Node and in workerd, beside llama.cpp on
 * one thread. Rounds of all of them take turns, so that what else the machine does touches all alike; the table shows
 * medians and, in brackets, the slowest and fastest round. Ends with one JSON line.
 *
 *   npm run bench -- [--rounds 7]
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { createTestHarness } from "wrangler";
import { prepare } from "../../src/compress/cli.ts";
import { obtainModel } from "../../src/compress/obtain.ts";
import { assembleAssets } from "../../src/start.ts";
import { openLlamaCpp, type Reference } from "../reference/llama-cpp.ts";
import { loadPack } from "../support/tiny.ts";
import { DECODED, measure, PREFILL, prompt, type Round, VERIFIED } from "./measure.ts";

const ROOT = resolve(import.meta.dirname, "../..");
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
process.env.WRANGLER_SEND_METRICS = "false";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "7" } } });
const packs = await prepare();
const gguf = await obtainModel(join(ROOT, ".cache/models"));
assembleAssets(packs.target, packs.draft, join(ROOT, "build/bench"));

const node = {
  target: await loadPack(packs.target, 12, VERIFIED),
  draft: await loadPack(packs.draft, 12, VERIFIED),
};
const harness = createTestHarness({ workers: [{ configPath: join(import.meta.dirname, "wrangler.toml") }] });
const { url } = await harness.listen();
const inWorkerd = async (pack: string): Promise<Round> => {
  const response = await fetch(new URL(`/?pack=${pack}`, url));
  if (!response.ok) throw new Error(`the bench Worker answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Round;
};
const llamaCpp = await openLlamaCpp(gguf.path, 512, 1);

/** The same round as `measure`, on llama.cpp. */
async function measureLlamaCpp({ sequence }: Reference): Promise<Round> {
  const options = { generateNext: { token: true, options: { temperature: 0 } } } as const;
  const next = async (tokens: readonly number[]): Promise<number> => {
    const rows = await sequence.controlledEvaluate([...tokens.slice(0, -1), [tokens.at(-1)!, options]]);
    return rows.at(-1)?.next.token ?? 0;
  };
  await sequence.clearHistory();
  const started = performance.now();
  let token = await next(prompt(PREFILL));
  const prefilled = performance.now();
  for (let n = 0; n < DECODED; n++) token = await next([token]);
  const decoded = performance.now();
  await sequence.controlledEvaluate(prompt(VERIFIED).map((id) => [id, options]));
  const verified = performance.now();
  return {
    prefill: (1000 * PREFILL) / (prefilled - started),
    decode: (1000 * DECODED) / (decoded - prefilled),
    verify: verified - decoded,
  };
}

const runs: Record<string, () => Round | Promise<Round>> = {
  "target, Node": () => measure(node.target),
  "target, workerd": () => inWorkerd("/target/"),
  "target, llama.cpp, 1 thread": () => measureLlamaCpp(llamaCpp),
  "draft, Node": () => measure(node.draft),
  "draft, workerd": () => inWorkerd("/edge/draft/"),
};

const rounds = new Map<string, Round[]>(Object.keys(runs).map((name) => [name, []]));
// Round 0 loads weights and lets the engines compile; it is not counted.
for (let n = 0; n <= Number(values.rounds); n++) {
  process.stderr.write(`round ${n} of ${values.rounds}\n`);
  for (const [name, run] of Object.entries(runs)) {
    const round = await run();
    if (n > 0) rounds.get(name)!.push(round);
  }
}
await llamaCpp.dispose();
await harness.close();

const summary = (name: string, of: keyof Round) => {
  const sorted = rounds
    .get(name)!
    .map((round) => round[of])
    .sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1]!, low: sorted[0]!, high: sorted.at(-1)! };
};
const rows = Object.keys(runs).map((name) => ({
  name,
  prefill: summary(name, "prefill"),
  decode: summary(name, "decode"),
  verify: summary(name, "verify"),
}));
const cell = ({ median, low, high }: (typeof rows)[number]["prefill"], digits: number) =>
  `${median.toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`;
console.log(
  `| | prefill ${PREFILL}, tokens/s | decode ${DECODED}, tokens/s | verify ${VERIFIED}, ms |\n|---|---|---|---|`,
);
for (const { name, prefill, decode, verify } of rows) {
  console.log(`| ${name} | ${cell(prefill, 0)} | ${cell(decode, 1)} | ${cell(verify, 1)} |`);
}
console.log(JSON.stringify({ rounds: Number(values.rounds), rows }));
