/** OWL's allocation against numpy, by hand where it is short. */
import { expect, test } from "vitest";
import { outlierShare, owlSparsities } from "../../src/tools/compress/methods/owl.ts";
import { wandaScores } from "../../src/tools/compress/methods/wanda.ts";
import { goldenOf, squares, weights } from "./layer.ts";

test("share of scores over M times the mean of all matrices of a block", () => {
  const scores = wandaScores(weights, squares);
  expect(outlierShare([scores], 3)).toBe(goldenOf("owl").share);
  expect(outlierShare([scores.subarray(0, 1000), scores.subarray(1000)], 3)).toBe(goldenOf("owl").share);
  expect(outlierShare([Float64Array.of(1, 1), Float64Array.of(1, 5)], 2)).toBe(0.25);
});

test("blocks with more outliers lose less, all together what was asked for", () => {
  const sparsities = owlSparsities([0.02, 0.05, 0.01, 0.03], 0.6, 0.08);
  for (const [n, value] of goldenOf("owl").sparsities.entries()) expect(sparsities[n]).toBeCloseTo(value, 12);
  expect(sparsities.reduce((sum, value) => sum + value, 0) / 4).toBeCloseTo(0.6, 12);
  expect(owlSparsities([0.1, 0.1], 0.7, 0.08)).toEqual([0.7, 0.7]);
});
