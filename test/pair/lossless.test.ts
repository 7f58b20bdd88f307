/**
 * The sacred property on the real pair and the real path: client → workerd → Durable Object → WebSocket → Node gateway →
 * llama.cpp. For fifty coding prompts, greedy and at temperature 1 in turn, the text is the one that the target writes
 * alone, with the draft on, with one that proposes garbage, and with the socket cut in the middle of the answer. The
 * engine computes every row the same to the bit (`--exact`), so each difference is a fault.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findLlamaLibrary } from "../../src/origin/engines/llama-library.ts";
import { CODING_PROMPTS } from "../cases/prompts.ts";
import { ask, type ChatAnswer, chat } from "../support/chat.ts";
import { type FaultProxy, faultProxy } from "../support/fault-proxy.ts";
import { type Running as Origin, startOrigin } from "../support/service.ts";
import { type Running, start } from "../workerd/harness.ts";
import { DRAFT, describedTarget, PAIR, standIn, targetFile } from "./pair.ts";

const MAX_TOKENS = 128;
/** The prompts by number: all, or those that OUTRIDER_PAIR_PROMPTS asks for. */
const [FIRST, LAST] = promptsOf(process.env.OUTRIDER_PAIR_PROMPTS ?? `${CODING_PROMPTS.length}`);
const COUNT = LAST - FIRST;

/** "5": the first five; "5-20": those after the fifth up to the twentieth, to go on where a run was stopped. */
function promptsOf(asked: string): [from: number, to: number] {
  const [, from = "0", to] = /^(?:(\d+)-)?(\d+)$/.exec(asked) ?? [];
  const range: [number, number] = [Number(from), Math.min(Number(to), CODING_PROMPTS.length)];
  if (range[0] < range[1]) return range;
  throw new Error(`OUTRIDER_PAIR_PROMPTS is "${asked}"; give a number to ${CODING_PROMPTS.length}, or two as in 5-20`);
}

let scratch: string;
let origin: Origin;
let proxy: FaultProxy;
let edge: Running;
let garbageEdge: Running;

beforeAll(async () => {
  await findLlamaLibrary();
  scratch = mkdtempSync(join(tmpdir(), "outrider-pair-"));
  const file = await targetFile();
  const target = await describedTarget();
  const garbage = await standIn(target, join(scratch, "garbage"), "garbage");
  const serve = [
    "--cpu",
    "--threads",
    "1",
    "--exact",
    "--max-sessions",
    "2",
    "--kv-tokens",
    "2048",
    "--name",
    PAIR.target.model,
  ];
  origin = await startOrigin(file, "llama", serve);
  proxy = await faultProxy(Number(new URL(origin.url).port));
  const settings = { withOrigin: false, edge: { ORIGIN_URL: `http://127.0.0.1:${proxy.port}` } };
  // Without the pair's own draft the edge knows the target from the garbage draft's pack and drafts by lookup.
  edge = await start({ packs: { target: DRAFT ?? garbage, draft: DRAFT }, ...settings });
  garbageEdge = await start({ packs: { target: garbage, draft: garbage }, ...settings });
});

afterAll(async () => {
  await Promise.all([edge, garbageEdge].map((service) => service?.close()));
  await proxy?.close();
  await origin?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

interface Way {
  readonly name: string;
  readonly where: () => Running;
  readonly outrider: Readonly<Record<string, unknown>>;
  readonly cut?: true;
}

const own = DRAFT === null ? "lookup" : "both";
const WAYS: readonly Way[] = [
  { name: `on (${own})`, where: () => edge, outrider: { draft: own, patience_ms: 10_000, max_draft: 8 } },
  { name: "garbage", where: () => garbageEdge, outrider: { draft: "model", patience_ms: 10_000, max_draft: 2 } },
  { name: "cut off", where: () => edge, outrider: { draft: own, patience_ms: 500 }, cut: true },
];

/** How the target draws the tokens of prompt `n`: greedily, or with a seed at the API's default temperature. */
const drawOf = (n: number) => ({ temperature: n % 2, seed: n });

function answer(where: Running, n: number, outrider: Readonly<Record<string, unknown>>): Promise<ChatAnswer> {
  return chat(where.url, ask(CODING_PROMPTS[n]!), {
    model: PAIR.target.model,
    ...drawOf(n),
    maxTokens: MAX_TOKENS,
    // One conversation for all ways, so that the origin reads the prompt once.
    session: `pair-${n}`,
    outrider,
  });
}

test(`coding prompts ${FIRST + 1} to ${LAST}: the target's own text with the draft on, off, garbage and cut off`, async () => {
  const faults: string[] = [];
  const counts = new Map(WAYS.map(({ name }) => [name, { tokens: 0, passes: 0, judged: 0, kept: 0 }]));
  const connections = proxy.connections;
  for (let n = FIRST; n < LAST; n++) {
    const alone = await answer(edge, n, { draft: "off" });
    expect(alone.timings.draft_n).toBe(0);
    for (const { name, where, outrider, cut } of WAYS) {
      // A good draft leaves few frames in an answer of this length.
      if (cut) proxy.plan("cut", 2 + (n % 2));
      const made = await answer(where(), n, outrider);
      const { timings } = made;
      const count = counts.get(name)!;
      count.tokens += timings.predicted_n;
      count.passes += timings.target_passes;
      count.judged += timings.draft_n_judged;
      count.kept += timings.draft_n_accepted;
      if (made.text === alone.text && made.finish === alone.finish) continue;
      faults.push(`prompt ${n}, ${name}: ${JSON.stringify(alone.text)} is ${JSON.stringify(made.text)}`);
      console.log(faults.at(-1));
    }
    // A run takes long; whoever stops it knows where to go on.
    const sums = [...counts].map(([name, { tokens, passes }]) => `${name} ${tokens}/${passes}`).join(", ");
    console.log(`${n + 1} of ${LAST}: ${faults.length} faults; tokens/passes ${sums}`);
  }
  for (const [name, { tokens, passes, judged, kept }] of counts) {
    const perPass = (tokens / passes).toFixed(2);
    console.log(`${name}: ${tokens} tokens, ${perPass} a pass, ${kept} of ${judged} drafted positions kept`);
  }
  expect(faults).toEqual([]);
  expect(counts.get("garbage")!.judged, "garbage was sent and refused").toBeGreaterThan(COUNT);
  expect(counts.get(WAYS[0]!.name)!.kept, "drafts were kept").toBeGreaterThan(COUNT / 5);
  // Each answer has a connection of its own, and each that was cut one more.
  expect(proxy.connections - connections).toBeGreaterThan(COUNT * (WAYS.length + 1.5));
});
