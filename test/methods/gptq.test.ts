/** GPTQ against numpy's inverse-factor form, and against rounding to nearest. */
import { describe, expect, test } from "vitest";
import { activationOrder, factorise, naturalOrder } from "../../src/tools/compress/methods/cholesky.ts";
import { gptq } from "../../src/tools/compress/methods/gptq.ts";
import { codeOf, gridOf, levelOf } from "../../src/tools/compress/methods/grid.ts";
import { COLS, differenceToGolden, goldenOf, hessian, ROWS, weights } from "./layer.ts";
import { outputError } from "./least-squares.ts";
import { products } from "./products.ts";

const natural = factorise(products, hessian, naturalOrder(COLS));
const byActivation = factorise(products, hessian, activationOrder(hessian));

describe.each([3, 4])("%i bits", (bits) => {
  describe.each([
    ["", COLS],
    [" g32", 32],
  ])("scales a row%s", (suffix, group) => {
    test.each([
      ["", natural],
      [" act-order", byActivation],
    ])("as numpy%s", (order, factor) => {
      const name = `gptq w${bits}${suffix}${order}`;
      const made = gptq(products, weights, ROWS, factor, bits, group);
      expect(differenceToGolden(made.weights, name)).toBeLessThan(1e-5);
      expect(made.error / goldenOf(name).error).toBeCloseTo(1, 9);
      for (const [at, weight] of made.weights.entries()) {
        const place = Math.floor(at / COLS) * (COLS / group) + Math.floor((at % COLS) / group);
        expect(levelOf(made.grid, place, codeOf(made.grid, place, weight))).toBeCloseTo(weight, 6);
      }
    });

    test("the outputs are nearer than rounding to nearest leaves them", () => {
      const grid = gridOf(weights, ROWS, bits, group);
      const nearest = weights.map((weight, at) => {
        const place = Math.floor(at / COLS) * (COLS / group) + Math.floor((at % COLS) / group);
        return levelOf(grid, place, codeOf(grid, place, weight));
      });
      const limit = outputError(weights, nearest, hessian);
      for (const factor of [natural, byActivation]) {
        expect(outputError(weights, gptq(products, weights, ROWS, factor, bits, group).weights, hessian)).toBeLessThan(
          limit,
        );
      }
    });
  });
});

test("the error that is reported is that of the outputs", () => {
  const made = gptq(products, weights, ROWS, natural, 3, COLS);
  let mean = 0;
  for (let k = 0; k < COLS; k++) mean += (hessian[k * (COLS + 1)]! + natural.dead[k]!) / COLS;
  const damped = hessian.map((value, at) =>
    at % (COLS + 1) === 0 && !natural.dead[at % COLS] ? value + natural.damping * mean : value,
  );
  expect(made.error / outputError(weights, made.weights, damped)).toBeCloseTo(1, 5);
});

test("a grid holds zero exactly, rounds halves to even, and clamps", () => {
  const grid = gridOf(Float32Array.of(-1, 2, 0, 0.5), 1, 2, 4);
  expect([...grid.scales, ...grid.zeros]).toEqual([1, 1]);
  expect([-9, -1, 0, 0.5, 1.5, 9].map((value) => levelOf(grid, 0, codeOf(grid, 0, value)))).toEqual([
    -1, -1, 0, 0, 2, 2,
  ]);
  const zero = gridOf(new Float32Array(4), 1, 4, 4);
  expect(levelOf(zero, 0, codeOf(zero, 0, 0))).toBe(0);
});

test("groups that columns are not settled by are refused", () => {
  expect(() => gptq(products, weights, ROWS, natural, 4, 40)).toThrow("groups of 40");
});
