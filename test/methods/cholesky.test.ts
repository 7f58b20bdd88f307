/** The factor of a Hessian against what it is the factor of. */
import { expect, test } from "vitest";
import { type Factor, factorise } from "../../src/tools/compress/methods/cholesky.ts";
import { COLS, hessian } from "./layer.ts";
import { products } from "./products.ts";

/** Largest difference of Mᵀ H M to D, over H's mean diagonal; H damped. */
function difference({ followers, pivots, dead, damping }: Factor, of: Float64Array): number {
  const cols = pivots.length;
  let mean = 0;
  for (let k = 0; k < cols; k++) mean += (of[k * cols + k]! + dead[k]!) / cols;
  const damped = (a: number, b: number): number => of[a * cols + b]! + (a === b ? damping * mean + dead[a]! : 0);
  let largest = 0;
  for (let j = 0; j < cols; j++) {
    const product = Float64Array.from({ length: cols }, (_, a) => {
      let sum = 0;
      for (let b = j; b < cols; b++) sum += damped(a, b) * followers[b * cols + j]!;
      return sum;
    });
    for (let i = 0; i <= j; i++) {
      let sum = i === j ? -pivots[j]! : 0;
      for (let a = i; a < cols; a++) sum += followers[a * cols + i]! * product[a]!;
      largest = Math.max(largest, Math.abs(sum) / mean);
    }
  }
  return largest;
}

test("Mᵀ H M is D", () => {
  const factor = factorise(products, hessian);
  expect(factor.damping).toBe(0.01);
  expect(factor.dead[37]).toBe(1);
  expect(difference(factor, hessian)).toBeLessThan(1e-12);
});

test("sizes that no batch divides", () => {
  for (const cols of [1, 3, 33, 70]) {
    const part = Float64Array.from(
      { length: cols * cols },
      (_, at) => hessian[Math.floor(at / cols) * COLS + (at % cols)]!,
    );
    expect(difference(factorise(products, part), part)).toBeLessThan(1e-12);
  }
});

test("damping grows until the Hessian is positive definite, and numbers that are none are an error", () => {
  // Eigenvalues 3 and −1.
  const factor = factorise(products, Float64Array.of(1, 2, 2, 1));
  expect(factor.damping).toBeCloseTo(10, 9);
  expect(() => factorise(products, Float64Array.of(1, Number.NaN, Number.NaN, 1))).toThrow("not positive definite");
});
