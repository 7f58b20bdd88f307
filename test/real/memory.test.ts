/** What the edge isolate takes with eight conversations of 1,000 tokens: under 100 MB of the 128 MB that it may. */
import { expect, test } from "vitest";
import { edgeMemory } from "../support/edge-memory.ts";
import { prepare } from "../support/prepared.ts";

test("weights, KV pages and JS heap stay under 100 MB with 8 sessions of 1,000 tokens", async () => {
  const { lengths, heapBytes, bufferBytes, total, words } = await edgeMemory((await prepare()).draft);
  console.log(words);
  expect(Math.min(...lengths)).toBeGreaterThanOrEqual(1000);
  // The tokenizer's tables alone are 2 MB: less would mean that another isolate was asked.
  expect(heapBytes + bufferBytes).toBeGreaterThan(2e6);
  expect(total).toBeLessThan(100e6);
});
