/** SqueezeLLM's parts against numpy: which weights are kept apart, and the least error of every row's codebook. */
import { expect, test } from "vitest";
import { codebook, nearestCode } from "../../src/tools/compress/methods/codebook.ts";
import { countingSensitivities, keptApart } from "../../src/tools/compress/methods/squeezellm.ts";
import { COLS, fisher, goldenKept, goldenOf, ROWS, weights } from "./layer.ts";

const apart = keptApart(weights, fisher, 0.0005, 0.004);

test("the most sensitive and then the largest weights are kept apart", () => {
  expect(apart).toEqual(goldenKept("squeezellm"));
  expect(keptApart(weights, fisher, 0, 0)).toEqual(new Uint8Array(ROWS * COLS));
  // Among equals the first, and none twice.
  const even = new Float32Array(10).fill(1);
  expect([...keptApart(even, even, 0.2, 0.3)]).toEqual([1, 1, 1, 1, 1, 0, 0, 0, 0, 0]);
});

test.each([3, 4])("%i bits: rows have the least error of what is not kept apart that any codebook gives", (bits) => {
  const counting = countingSensitivities(fisher, apart);
  for (const [n, least] of (goldenOf("squeezellm").errors[bits] as number[]).entries()) {
    const [from, to] = [8 * n * COLS, (8 * n + 1) * COLS];
    const { centroids } = codebook(weights.subarray(from, to), 2 ** bits, counting.subarray(from, to));
    let error = 0;
    for (let at = from; at < to; at++) {
      error += counting[at]! * (centroids[nearestCode(centroids, weights[at]!)]! - weights[at]!) ** 2;
    }
    expect(error / least).toBeCloseTo(1, 5);
  }
});
