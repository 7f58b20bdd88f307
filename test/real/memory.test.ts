/** What the edge isolate takes with eight conversations of 1,000 tokens in it: under 100 MB of the 128 MB that it may. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { prepare } from "../../src/compress/cli.ts";
import { ask, chat } from "../support/chat.ts";
import { isolateMemory } from "../support/inspector.ts";
import { type Edge, type Running, startEdge, startOrigin } from "../support/service.ts";

const SESSIONS = 8;
/** About 1,000 tokens, different for each session. */
const longText = (session: number): string =>
  Array.from({ length: 150 }, (_, i) => `Line ${(session * 37 + i) % 100} of the log`).join(". ");

let origin: Running;
let edge: Edge;

beforeAll(async () => {
  const { target, draft } = await prepare();
  origin = await startOrigin(target);
  edge = await startEdge({ targetPack: target, draftPack: draft, originUrl: origin.url });
});

afterAll(async () => {
  await edge?.stop();
  await origin?.stop();
});

test("weights, KV pages and JS heap stay under 100 MB with 8 sessions of 1,000 tokens", async () => {
  const lengths: number[] = [];
  for (let session = 0; session < SESSIONS; session++) {
    const { timings } = await chat(edge.url, ask(longText(session)), {
      session: `memory-${session}`,
      maxTokens: 8,
      outrider: { draft: "model", patience_ms: 10_000 },
    });
    lengths.push(timings.cache_n + timings.prompt_n + timings.predicted_n);
    expect(timings.draft_n, "the draft ran").toBeGreaterThan(0);
  }
  expect(Math.min(...lengths)).toBeGreaterThanOrEqual(1000);
  const { heapBytes, bufferBytes } = await isolateMemory(edge.inspectorPort);
  console.log(
    `edge isolate: JS heap ${(heapBytes / 1e6).toFixed(1)} MB, buffers and WASM ${(bufferBytes / 1e6).toFixed(1)} MB`,
  );
  // The weights alone are 70 MB: less would mean that the inspector does not count WASM memory.
  expect(bufferBytes).toBeGreaterThan(70e6);
  expect(heapBytes + bufferBytes).toBeLessThan(100e6);
});
