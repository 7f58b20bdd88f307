/** SparseGPT against numpy's inverse-factor form, and its update against least squares. */
import { describe, expect, test } from "vitest";
import { factorise } from "../../src/tools/compress/methods/cholesky.ts";
import { sparseGpt } from "../../src/tools/compress/methods/sparsegpt.ts";
import { wanda } from "../../src/tools/compress/methods/wanda.ts";
import { normal, seeded } from "../support/random.ts";
import { differenceToGolden, goldenKept, goldenOf, hessian, PATTERNS, ROWS, squares, weights } from "./layer.ts";
import { outputError, solveLinear } from "./least-squares.ts";
import { products } from "./products.ts";

const factor = factorise(products, hessian);

describe.each(PATTERNS)("%s", (pattern, setting) => {
  const name = `sparsegpt ${pattern}`;
  const made = sparseGpt(products, weights, ROWS, factor, setting);

  test("masks, weights and error are numpy's", () => {
    expect(made.kept).toEqual(goldenKept(name));
    expect(differenceToGolden(made.weights, name)).toBeLessThan(1e-5);
    expect(made.error / goldenOf(name).error).toBeCloseTo(1, 9);
    expect(made.weights.every((weight, at) => (weight === 0 ? 0 : 1) <= made.kept[at]!)).toBe(true);
  });

  test("the outputs are nearer than Wanda's", () => {
    const pruned = wanda(weights, ROWS, squares, setting).weights;
    expect(outputError(weights, made.weights, hessian)).toBeLessThan(outputError(weights, pruned, hessian));
  });
});

test("more sparsity, more error", () => {
  const errors = [0.1, 0.3, 0.5, 0.7, 0.9].map(
    (sparsity) => sparseGpt(products, weights, ROWS, factor, { per: "matrix", sparsity }).error,
  );
  expect(errors).toEqual([...errors].sort((x, y) => x - y));
});

test("pruning only the first columns leaves the least-squares solution on the rest", () => {
  // The kept weights come after all pruned ones, so all of them may follow: then the update is optimal.
  const [cols, gone] = [8, 3];
  const random = seeded(17);
  const inputs = Float64Array.from({ length: 40 * cols }, () => normal(random));
  const gram = Float64Array.from({ length: cols * cols }, (_, at) => {
    let sum = at % (cols + 1) === 0 ? 4 : 1.5;
    for (let t = 0; t < 40; t++) sum += inputs[t * cols + Math.floor(at / cols)]! * inputs[t * cols + (at % cols)]!;
    return sum;
  });
  const row = Float32Array.from({ length: cols }, (_, k) => (k < gone ? 1e-3 : 1) * normal(random));
  const small = factorise(products, gram);
  const made = sparseGpt(products, row, 1, small, { per: "row", sparsity: gone / cols });
  expect([...made.kept]).toEqual([0, 0, 0, 1, 1, 1, 1, 1]);
  let mean = 0;
  for (let k = 0; k < cols; k++) mean += gram[k * (cols + 1)]! / cols;
  const damped = gram.map((value, at) => (at % (cols + 1) === 0 ? value + 0.01 * mean : value));
  // Minimise (v − w) H (v − w)ᵀ over v with the first weights zero: H_rr v_r = (H w)_r.
  const rest = Array.from({ length: cols - gone }, (_, n) => gone + n);
  const target = rest.map((i) => row.reduce((sum, weight, k) => sum + damped[i * cols + k]! * weight, 0));
  const best = solveLinear(
    rest.map((i) => rest.map((j) => damped[i * cols + j]!)),
    target,
  );
  for (const [n, value] of best.entries()) expect(made.weights[gone + n]).toBeCloseTo(value, 5);
});

test("groups that batches would tear apart are refused", () => {
  expect(() => sparseGpt(products, weights, ROWS, factor, { per: "group", zeros: 2, of: 5 })).toThrow("groups of 5");
});
