import { expect, test } from "vitest";
import { mostFrequent } from "../../src/tools/compress/methods/frequency.ts";

test("the most frequent, of equals the lowest, and what must stay", () => {
  const counts = [0, 5, 2, 2, 9, 0, 2, 1];
  expect(mostFrequent(counts, 4, new Set())).toEqual([1, 2, 3, 4]);
  expect(mostFrequent(counts, 4, new Set([7, 0]))).toEqual([0, 1, 4, 7]);
  expect(mostFrequent(counts, 4, new Set([4, 5]))).toEqual([1, 2, 4, 5]);
  expect(mostFrequent(counts, 2, new Set([4, 5]))).toEqual([4, 5]);
});

test("without counts it is the first ids, so much as is free", () => {
  expect(mostFrequent(new Float64Array(8), 4, new Set([6, 0]))).toEqual([0, 1, 2, 6]);
});
