/**
 * What the edge isolate of the pair takes with its draft, its tokenizer of 151,936 tokens and eight conversations of
 * 1,000 tokens: under 100 MB of the 128 MB that it may. What the target decides takes no memory here, so a scripted
 * engine stands in for it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EdgeMemory, edgeMemory } from "../support/edge-memory.ts";
import { DRAFT, describedTarget, standIn } from "./pair.ts";

let scratch: string;
let memory: EdgeMemory;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "outrider-pair-memory-"));
  const draft = DRAFT ?? (await standIn(await describedTarget(), join(scratch, "draft"), "like -m"));
  if (DRAFT === null) console.log("the pair's own draft is not here: measured with a stand-in of its shape");
  memory = await edgeMemory(draft);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test("weights, KV pages and JS heap stay under 100 MB with 8 sessions of 1,000 tokens", () => {
  console.log(memory.words);
  expect(Math.min(...memory.lengths)).toBeGreaterThanOrEqual(1000);
  // The tokenizer's tables alone are 10 MB: less would mean that another isolate was asked.
  expect(memory.heapBytes + memory.bufferBytes).toBeGreaterThan(6e6);
  expect(memory.total).toBeLessThan(100e6);
});
