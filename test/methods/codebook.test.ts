/** One-dimensional k-means against the best codebook there is, found by trying all. */
import { expect, test } from "vitest";
import { codebook, nearestCode } from "../../src/tools/compress/methods/codebook.ts";
import { normal, seeded } from "../support/random.ts";

const loss = (values: Float32Array, centroids: ArrayLike<number>, weights?: Float32Array): number =>
  values.reduce(
    (sum, value, at) => sum + (weights?.[at] ?? 1) * (value - centroids[nearestCode(centroids, value)]!) ** 2,
    0,
  );

/** The least loss of `levels` runs over sorted values. */
function leastLoss(values: Float32Array, levels: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const runLoss = (from: number, to: number): number => {
    const run = sorted.slice(from, to);
    const mean = run.reduce((sum, value) => sum + value, 0) / run.length;
    return run.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  };
  const best = (to: number, runs: number): number => {
    if (runs === 1) return runLoss(0, to);
    let least = Number.POSITIVE_INFINITY;
    for (let from = runs - 1; from < to; from++) least = Math.min(least, best(from, runs - 1) + runLoss(from, to));
    return least;
  };
  return best(sorted.length, levels);
}

test("has the least loss there is", () => {
  const random = seeded(5);
  for (let n = 0; n < 20; n++) {
    const values = Float32Array.from({ length: 24 }, () => normal(random));
    expect(loss(values, codebook(values, 3).centroids)).toBeCloseTo(leastLoss(values, 3), 5);
  }
});

test("few values are their own centroids, equal ones are one", () => {
  expect([...codebook(Float32Array.of(3, 1, 2), 16).centroids]).toEqual([1, 2, 3]);
  expect([...new Set(codebook(new Float32Array(64).fill(0.5), 16).centroids)]).toEqual([0.5]);
  expect([...codebook(new Float32Array(8), 4).centroids]).toContain(0);
});

test("sensitive weights pull centroids", () => {
  const values = Float32Array.of(0, 0.1, 0.2, 5, 5.1, 5.2);
  const even = codebook(values, 2).centroids;
  expect([...even].map((value) => Number(value.toFixed(3)))).toEqual([0.1, 5.1]);
  const weights = Float32Array.of(1, 0, 0, 0, 0, 1);
  expect(loss(values, codebook(values, 2, weights).centroids, weights)).toBeCloseTo(0, 6);
});
