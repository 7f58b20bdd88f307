/** SqueezeLLM's parts against numpy: which weights are kept apart, and the least error of every row's codebook. */
import { describe, expect, test } from "vitest";
import { keptApart, squeeze } from "../../../src/compress/methods/squeezellm.ts";
import { COLS, fisher, goldenKept, goldenOf, ROWS, weights } from "./layer.ts";

const apart = keptApart(weights, fisher, 0.0005, 0.004);

test("the most sensitive and then the largest weights are kept apart", () => {
  expect(apart).toEqual(goldenKept("squeezellm"));
  expect(keptApart(weights, fisher, 0, 0)).toEqual(new Uint8Array(ROWS * COLS));
  // Among equals the first, and none twice.
  const even = new Float32Array(10).fill(1);
  expect([...keptApart(even, even, 0.2, 0.3)]).toEqual([1, 1, 1, 1, 1, 0, 0, 0, 0, 0]);
});

describe.each([3, 4])("%i bits", (bits) => {
  const levels = 2 ** bits;
  const made = squeeze(weights, ROWS, fisher, apart, levels);

  test("rows have the least error that any codebook gives", () => {
    for (const [n, least] of (goldenOf("squeezellm").errors[bits] as number[]).entries()) {
      let error = 0;
      for (let at = 8 * n * COLS; at < (8 * n + 1) * COLS; at++) {
        error += fisher[at]! * (made.weights[at]! - weights[at]!) ** 2;
      }
      expect(error / least).toBeCloseTo(1, 5);
    }
  });

  test("levels and what is kept apart add up", () => {
    for (const [at, weight] of made.weights.entries()) {
      const level = made.codebooks[Math.floor(at / COLS) * levels + made.codes[at]!]!;
      expect(weight).toBe(apart[at] ? weights[at] : level);
    }
  });
});

test("a row without sensitivities counts every weight alike", () => {
  const none = new Uint8Array(weights.length);
  const all = squeeze(weights, ROWS, new Float32Array(weights.length).fill(1), none, 8);
  expect(squeeze(weights, ROWS, new Float32Array(weights.length), none, 8)).toEqual(all);
});
