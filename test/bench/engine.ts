/**
 * `npm run bench engine`: how fast the engine is, in Node and in workerd, beside native llama.cpp and wllama in
 * Chromium, one thread each: on SmolLM2-135M-Instruct and on the same model in the drafter's shape. Rounds of
 * all of them take turns, so that what else the machine does touches all alike; ratios are taken within a round. Tables
 * show medians and, in brackets, the lowest and highest round. The last line is JSON: medians, and their spread.
 *
 *   npm run bench engine -- [--rounds 5] [--quick]
 *
 * --quick gives wllama, which is by far the slowest, shorter prompts: under 5 minutes instead of 20.
 */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { createTestHarness } from "wrangler";
import { packBytes } from "../../src/core/format/pack-header.ts";
import { builtModule, builtModules } from "../../src/core/platform/built.ts";
import { shardReader } from "../../src/core/platform/disk.ts";
import type { Recipe } from "../../src/tools/compress/recipe.ts";
import { squeezeModel } from "../../src/tools/compress/squeeze.ts";
import { inspectPack } from "../../src/tools/inspect/inspection.ts";
import { DECODED, PROMPT, timedLlama } from "../../src/tools/inspect/timing.ts";
import { linkFiles } from "../../src/tools/service/assets.ts";
import { parseOptions } from "../support/parse-options.ts";
import { prepare } from "../support/prepared.ts";
import { loadPack, packHeader } from "../support/tiny.ts";
import { buildIsolate, type ColdParts, coldStart } from "./cold-start.ts";
import { peerFiles } from "./ggufs.ts";
import type { LayerTimes } from "./layers.ts";
import { measure, PAGES, type Speeds, VERIFIED } from "./measure.ts";
import { openPeer } from "./peer-llama-cpp.ts";
import { openWllama } from "./peer-wllama.ts";
import { coldTable, jsonLine, layersTable, speedTable } from "./tables.ts";

/** The target in the shape of a draft, to measure the speed of such a shape; nothing depends on its words. */
const CUT: Recipe = {
  model: "smollm2-135m-cut",
  base: "smollm2-135m",
  stages: [
    { stage: "prune-depth", keep: Array.from({ length: 12 }, (_, layer) => layer) },
    { stage: "trim-vocabulary", keep: 16384, by: "rank" },
    { stage: "quantise", tensors: "blocks", format: "lut4" },
    { stage: "quantise", tensors: "vocabulary", format: "lut4" },
    { stage: "activations", bits: 8 },
  ],
};

const ROOT = resolve(import.meta.dirname, "../..");
const ASSETS = join(ROOT, "build/bench");
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
process.env.WRANGLER_SEND_METRICS = "false";

const { values } = parseOptions({
  options: { rounds: { type: "string", default: "5" }, quick: { type: "boolean", default: false } },
});
const count = Number(values.rounds);
if (!(Number.isInteger(count) && count > 0))
  throw new Error(`--rounds is a whole number from 1 on, not ${values.rounds}`);

const { target } = await prepare();
const cut = join(ROOT, ".cache/bench/cut-pack");
await squeezeModel({ model: target, recipe: CUT, out: cut });
rmSync(ASSETS, { recursive: true, force: true });
await linkFiles(target, join(ASSETS, "target"));
await linkFiles(cut, join(ASSETS, "edge/draft"));
buildIsolate(ASSETS);

const inspected = await inspectPack(
  packHeader(cut),
  shardReader(cut, packHeader(cut)),
  await builtModules(),
  await builtModule("roof"),
  { tokens: PROMPT, position: PROMPT + DECODED / 2 },
);

const node = {
  target: timedLlama(await loadPack(target, PAGES, VERIFIED)),
  draft: timedLlama(await loadPack(cut, PAGES, VERIFIED)),
};
const harness = createTestHarness({ workers: [{ configPath: join(import.meta.dirname, "wrangler.toml") }] });
const { url } = await harness.listen();
const inWorkerd = async (pack: string): Promise<Speeds> => {
  const response = await fetch(new URL(`/?pack=${pack}`, url));
  if (!response.ok) throw new Error(`the bench Worker answered ${response.status}; what failed is above`);
  return (await response.json()) as Speeds;
};

const files = await peerFiles();
const llamaCpp = {
  "target, llama.cpp Q4_1": await openPeer(files["full-q4_1"]),
  "target, llama.cpp Q4_0": await openPeer(files["full-q4_0"]),
  "target, llama.cpp Q8_0": await openPeer(files["full-q8_0"]),
  "draft, llama.cpp Q4_1": await openPeer(files["cut-q4_1"]),
  "draft, llama.cpp Q4_0": await openPeer(files["cut-q4_0"]),
};
const wllama = await openWllama(files);

const engines = {
  "target, Node": () => measure(node.target),
  "target, workerd": () => inWorkerd("/target/"),
  "target, llama.cpp Q4_1": () => measure(llamaCpp["target, llama.cpp Q4_1"]),
  "target, llama.cpp Q4_0": () => measure(llamaCpp["target, llama.cpp Q4_0"]),
  "target, llama.cpp Q8_0": () => measure(llamaCpp["target, llama.cpp Q8_0"]),
  "target, wllama Q4_1": (short: boolean) => wllama.measure("full-q4_1", short),
  "target, wllama Q4_0": (short: boolean) => wllama.measure("full-q4_0", short),
  "target, wllama Q8_0": (short: boolean) => wllama.measure("full-q8_0", short),
  "draft, Node": () => measure(node.draft),
  "draft, workerd": () => inWorkerd("/edge/draft/"),
  "draft, llama.cpp Q4_1": () => measure(llamaCpp["draft, llama.cpp Q4_1"]),
  "draft, llama.cpp Q4_0": () => measure(llamaCpp["draft, llama.cpp Q4_0"]),
  "draft, wllama Q4_1": (short: boolean) => wllama.measure("cut-q4_1", short),
  "draft, wllama Q4_0": (short: boolean) => wllama.measure("cut-q4_0", short),
} satisfies Record<string, (short: boolean) => Promise<Speeds>>;
type Name = keyof typeof engines;

const rounds = new Map<Name, Speeds[]>();
const layerTimes: LayerTimes[] = [];
const coldStarts: ColdParts[] = [];
// Round 0 loads weights and lets the engines compile; it is not counted.
for (let n = 0; n <= count; n++) {
  process.stderr.write(`round ${n} of ${count}\n`);
  for (const [name, run] of Object.entries(engines) as [Name, (short: boolean) => Promise<Speeds>][]) {
    const speeds = await run(values.quick || n === 0);
    if (n > 0) rounds.set(name, [...(rounds.get(name) ?? []), speeds]);
  }
  if (n === 0) continue;
  const layers = execFileSync(process.execPath, [join(import.meta.dirname, "layers-alone.ts"), "--json"]);
  layerTimes.push(JSON.parse(layers.toString()));
  coldStarts.push(await coldStart());
}
await Promise.all([wllama.close(), harness.close(), ...Object.values(llamaCpp).map((peer) => peer.close())]);

/** One figure from each round. */
const each = (figure: (of: (name: Name) => Speeds) => number): number[] =>
  coldStarts.map((_, n) => figure((name) => rounds.get(name)![n]!));
const decode = (of: (name: Name) => Speeds, name: Name) => of(name).decode;

const drafterBytes = packBytes(packHeader(cut));
console.log(`${speedTable(rounds)}\n\n${layersTable(layerTimes)}\n\n${coldTable(coldStarts, drafterBytes)}\n`);
console.log(
  jsonLine({
    decode_vs_llamacpp: each((of) => decode(of, "target, workerd") / decode(of, "target, llama.cpp Q4_1")),
    decode_vs_llamacpp_q4_0: each((of) => decode(of, "target, workerd") / decode(of, "target, llama.cpp Q4_0")),
    decode_vs_wllama: each((of) => {
      const peers = (["Q4_1", "Q4_0", "Q8_0"] as const).map((type) => decode(of, `target, wllama ${type}`));
      return decode(of, "target, workerd") / Math.max(...peers);
    }),
    draft_decode_tps: each((of) => decode(of, "draft, workerd")),
    // The step at the tighter of its two roofs, against the step in workerd.
    draft_roof_share: each((of) => inspected.decode.roof * decode(of, "draft, workerd")),
    prefill512_vs_llamacpp: each(
      (of) => of("target, workerd").prefill[512]! / of("target, llama.cpp Q4_1").prefill[512]!,
    ),
    verify8_vs_1: each((of) => of("target, workerd").verify! / of("target, workerd").step!),
    // With 8-bit activations, as in the draft: how many times faster, and how much more time.
    lut4_vs_q4u: layerTimes.map((layer) => layer.q4u[8] / layer.lut4[8]),
    outlier_cost: layerTimes.map((layer) => layer["q4u, 0.52 % outliers"][8] / layer.q4u[8] - 1),
    cold_start_ms: coldStarts.map(({ whole }) => whole),
  }),
);
