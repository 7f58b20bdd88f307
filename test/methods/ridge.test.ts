/** The closed form against elimination, on correlated inputs with a column that is always zero. */
import { expect, test } from "vitest";
import { ridge } from "../../src/tools/compress/methods/ridge.ts";
import { normal, seeded } from "../support/random.ts";
import { COLS, hessian } from "./layer.ts";
import { solveLinear } from "./least-squares.ts";
import { products } from "./products.ts";

const ROWS = 2;
const random = seeded(31);
const all = Array.from({ length: COLS }, (_, k) => k);
const live = all.filter((k) => k !== 37);
const cross = Float64Array.from({ length: ROWS * COLS }, (_, at) => (at % COLS === 37 ? 0 : normal(random)));
const lower = hessian.map((value, at) => (at % COLS > Math.floor(at / COLS) ? Number.NaN : value));

/** Δ (N, K) by elimination, with λ a hundredth of the mean of the live diagonal. */
function eliminated(scale: number): number[][] {
  const ridgeOf = (0.01 * live.reduce((sum, k) => sum + hessian[k * COLS + k]!, 0)) / live.length;
  const damped = live.map((a) => live.map((b) => scale * (hessian[a * COLS + b]! + (a === b ? ridgeOf : 0))));
  return Array.from({ length: ROWS }, (_, n) => {
    const solved = solveLinear(
      damped,
      live.map((k) => scale * cross[n * COLS + k]!),
    );
    return all.map((k) => (k === 37 ? 0 : solved[live.indexOf(k)]!));
  });
}

test.each([1, 1e-6])("is what elimination gives, in units of %s", (scale) => {
  const made = ridge(
    products,
    lower.map((value) => scale * value),
    cross.map((value) => scale * value),
  );
  for (const [n, line] of eliminated(scale).entries()) {
    for (const k of all) expect(made[k * ROWS + n]).toBeCloseTo(line[k]!, 9);
  }
});

test("without any input nothing changes", () => {
  expect(ridge(products, new Float64Array(16), new Float64Array(8))).toEqual(new Float64Array(8));
});
