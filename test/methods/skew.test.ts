/** The skew against what defines it: orthogonal rows, the first of them what power iteration finds. */
import { expect, test } from "vitest";
import { skewOf } from "../../src/tools/compress/methods/skew.ts";
import { seeded } from "../support/random.ts";

const D = 32;
const random = seeded(4);
/** Vectors with very different lengths along random directions. */
const mixing = Array.from({ length: D * D }, () => random() - 0.5);
const vectors = (n: number) =>
  Array.from({ length: n }, () => {
    const z = Array.from({ length: D }, (_, i) => (random() - 0.5) * 0.8 ** i);
    return Array.from({ length: D }, (_, d) => z.reduce((sum, value, i) => sum + value * mixing[i * D + d]!, 0));
  });

function squares(rows: readonly number[][]): Float64Array {
  const sums = new Float64Array(D * D);
  for (const x of rows) for (let i = 0; i < D; i++) for (let j = 0; j < D; j++) sums[i * D + j]! += x[i]! * x[j]!;
  return sums;
}

const [queries, keys] = [vectors(200), vectors(300)];
const row = (skew: Float32Array, c: number) => [...skew.subarray(c * D, (c + 1) * D)];
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const turned = (skew: Float32Array, x: readonly number[]) =>
  Array.from({ length: skew.length / D }, (_, c) => dot(row(skew, c), x));

test("with all channels it leaves every dot product as it is", () => {
  const skew = skewOf(squares(queries), squares(keys), D);
  for (let n = 0; n < 20; n++) {
    const [q, k] = [queries[n]!, keys[n]!];
    expect(dot(turned(skew, q), turned(skew, k))).toBeCloseTo(dot(q, k), 4);
  }
});

test("its rows are orthonormal, and the first is the main direction of the queries", () => {
  const matrix = squares(queries);
  // All directions weigh alike in keys, so queries alone rank them.
  const skew = skewOf(
    matrix,
    Float64Array.from({ length: D * D }, (_, i) => (i % (D + 1) === 0 ? 1 : 0)),
    8,
  );
  for (let a = 0; a < 8; a++)
    for (let b = 0; b < 8; b++) expect(dot(row(skew, a), row(skew, b))).toBeCloseTo(a === b ? 1 : 0, 5);
  let x = Array.from({ length: D }, () => 1);
  for (let n = 0; n < 500; n++) {
    const y = Array.from({ length: D }, (_, i) => x.reduce((sum, value, j) => sum + value * matrix[i * D + j]!, 0));
    const length = Math.hypot(...y);
    x = y.map((value) => value / length);
  }
  expect(Math.abs(dot(row(skew, 0), x))).toBeCloseTo(1, 5);
});

test("a quarter of the channels gives scores nearer than the same number of plain ones", () => {
  const skew = skewOf(squares(queries), squares(keys), 8);
  const error = (score: (q: number[], k: number[]) => number) =>
    queries.slice(0, 50).reduce((sum, q, n) => sum + (score(q, keys[n]!) - dot(q, keys[n]!)) ** 2, 0);
  const skewed = error((q, k) => dot(turned(skew, q), turned(skew, k)));
  const plain = error((q, k) => dot(q.slice(0, 8), k.slice(0, 8)));
  expect(skewed).toBeLessThan(plain / 10);
});

test("a direction without queries is no fault", () => {
  const skew = skewOf(new Float64Array(D * D), squares(keys), 4);
  expect([...skew].every(Number.isFinite)).toBe(true);
});
