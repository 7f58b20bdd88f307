/**
 * What the edge isolate takes with eight conversations of 1,000 tokens in it: under 100 MB of the 128 MB that it may.
 * The draft is real and reads every token. What the target decides takes no memory here, so the origin runs a scripted
 * engine.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { prepare } from "../../src/commands/prepare.ts";
import { planMemory } from "../../src/draft/memory-plan.ts";
import { poolPages } from "../../src/edge/budget.ts";
import type { PackHeader } from "../../src/format/pack-header.ts";
import { ask, chat } from "../support/chat.ts";
import { isolateMemory } from "../support/inspector.ts";
import { type ScriptedOrigin, scriptedOrigin } from "../support/scripted-engine.ts";
import { type Edge, startEdge } from "../support/service.ts";
import { packHeader } from "../support/tiny.ts";

const SESSIONS = 8;
/** About 1,000 tokens, different for each session. */
const longText = (session: number): string =>
  Array.from({ length: 150 }, (_, i) => `Line ${(session * 37 + i) % 100} of the log`).join(". ");

let origin: ScriptedOrigin;
let edge: Edge;
let header: PackHeader;

beforeAll(async () => {
  const { target, draft } = await prepare();
  header = packHeader(draft);
  const { model, vocabulary } = packHeader(target);
  origin = await scriptedOrigin({}, 0, { model, vocabulary });
  const originUrl = `http://127.0.0.1:${origin.server.port}`;
  edge = await startEdge({ targetPack: target, draftPack: draft, originUrl });
});

afterAll(async () => {
  await edge?.stop();
  await origin?.server.close();
});

test("weights, KV pages and JS heap stay under 100 MB with 8 sessions of 1,000 tokens", async () => {
  const fill = async (session: number): Promise<number> => {
    const { timings } = await chat(edge.url, ask(longText(session)), {
      session: `memory-${session}`,
      maxTokens: 8,
      // The draft reads a thousand tokens first, and the scripted target none.
      outrider: { draft: "model", patience_ms: 300_000 },
    });
    expect(timings.draft_n, "the draft ran").toBeGreaterThan(0);
    return timings.cache_n + timings.prompt_n + timings.predicted_n;
  };
  const lengths: number[] = [];
  for (let session = 0; session < SESSIONS; session++) lengths.push(await fill(session));
  expect(Math.min(...lengths)).toBeGreaterThanOrEqual(1000);
  const { heapBytes, bufferBytes } = await isolateMemory(edge.inspectorPort, () =>
    chat(edge.url, ask("Hello"), { session: "memory-poke", maxTokens: 2, outrider: { draft: "off" } }),
  );
  const arenaBytes = planMemory(header, poolPages(header), 1).bytes;
  const total = arenaBytes + heapBytes + bufferBytes;
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  console.log(
    `edge isolate: WASM ${megabytes(arenaBytes)} (${poolPages(header)} KV pages), JS heap ${megabytes(heapBytes)}, ` +
      `buffers ${megabytes(bufferBytes)}, together ${megabytes(total)}`,
  );
  // The tokenizer's tables alone are 2 MB: less would mean that another isolate was asked.
  expect(heapBytes + bufferBytes).toBeGreaterThan(2e6);
  expect(total).toBeLessThan(100e6);
});
