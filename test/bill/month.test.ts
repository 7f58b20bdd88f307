/** The sums of `outrider cost`, against sums by hand. */
import { describe, expect, test } from "vitest";
import { bill, USUAL, usageOfConversation } from "../../src/edge/bill/month.ts";

describe("an answer of 300 tokens to a prompt of 500", () => {
  const usage = usageOfConversation(USUAL);

  test("uses what is counted by hand", () => {
    // 12 s at 128 MB.
    expect(usage.objectTime).toBeCloseTo(12 * 0.128, 9);
    // 840 steps of 4 ms, 500 tokens read in 2 ms each, 300 tokens of text, 15 ms an answer.
    expect(usage.cpu).toBeCloseTo(840 * 4 + 500 * 2 + 30 + 15, 6);
    // A table (2 rows), timeline, alarm; the timeline deleted.
    expect(usage.rowsWritten).toBe(5);
    expect(usage.storage).toBeCloseTo((12_288 / 1e9) * (2 / 730), 15);
    expect(usage.objectRequests).toBeCloseTo(2 + 300 / 2.87 / 20, 9);
    expect(usage.workerRequests).toBe(1);
  });

  test("costs a tenth of a dollar a million tokens, and three times as much where CPU is billed", () => {
    const { perMillion, perMillionWithoutCpu, month } = bill(USUAL, 1e6);
    expect(perMillionWithoutCpu).toBeGreaterThan(0.05);
    expect(perMillionWithoutCpu).toBeLessThan(0.11);
    expect(perMillion).toBeLessThan(0.4);
    // The goal, on the faster of the machines that a step was measured on.
    expect(bill({ ...USUAL, stepMs: 1.9 }, 1e6).perMillion).toBeLessThan(0.25);
    // All of it is included.
    expect(month).toBe(5);
  });
});

test("a conversation keeps whole pages, each two rows, and is kept longer", () => {
  const usage = usageOfConversation({ ...USUAL, turns: 3 });
  const pages = Math.floor((3 * 800 - 1) / 32);
  expect(usage.rowsWritten).toBe(2 + 2 + 1 + 2 * 3 + 2 * pages);
  const bytes = pages * USUAL.pageBytes;
  expect(usage.storage).toBeGreaterThan((bytes / 1e9) * (24 / 730));
  expect(usage.storage).toBeLessThan(1.05 * (bytes / 1e9) * (24 / 730));
});

test("without a draft model nothing is drafted, read or kept", () => {
  const usage = usageOfConversation({ ...USUAL, turns: 3, stepsPerToken: 0 });
  expect(usage.cpu).toBeCloseTo(90 + 45, 9);
  expect(usage.rowsWritten).toBe(2 + 1 + 2 * 3);
});

test("beyond what is included each unit has its price", () => {
  const { items, month, perMillion } = bill(USUAL, 1e12);
  const plain = (perMillion * 1e12) / 1e6;
  const included = items.reduce((sum, item) => sum + (item.perMillion * 1e6 - item.month), 0);
  expect(month).toBeCloseTo(5 + plain - included, 3);
  expect(items.every((item) => item.month >= 0)).toBe(true);
});

test("on Free each allowance ends at a number of tokens a day", () => {
  const { items } = bill(USUAL, 1e6);
  const of = (resource: string) => items.find((item) => item.resource === resource)!.freeTokensADay;
  expect(of("rowsWritten")).toBeCloseTo((100_000 / 5) * 300, 6);
  expect(of("objectTime")).toBeCloseTo((13_000 / (12 * 0.128)) * 300, 6);
  expect(of("cpu")).toBeNull();
});
