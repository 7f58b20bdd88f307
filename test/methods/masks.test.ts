/** Which weights magnitude and Wanda keep, against numpy, and what every pattern promises. */
import { describe, expect, test } from "vitest";
import { magnitude } from "../../src/tools/compress/methods/magnitude.ts";
import { keptBy, type Pattern } from "../../src/tools/compress/methods/masks.ts";
import { wanda, wandaScores } from "../../src/tools/compress/methods/wanda.ts";
import { COLS, goldenKept, PATTERNS, ROWS, squares, weights } from "./layer.ts";

describe.each(PATTERNS)("%s", (name, pattern) => {
  test("magnitude keeps what numpy keeps", () => {
    expect(magnitude(weights, ROWS, pattern).kept).toEqual(goldenKept(`magnitude ${name}`));
  });

  test("Wanda keeps what numpy keeps, as it is", () => {
    const { kept, weights: left } = wanda(weights, ROWS, squares, pattern);
    expect(kept).toEqual(goldenKept(`wanda ${name}`));
    expect(left).toEqual(weights.map((weight, at) => (kept[at] ? weight : 0)));
  });

  test("the same masks for inputs of any scale, and equal norms are magnitude", () => {
    const larger = squares.map((square) => square * 16);
    expect(wanda(weights, ROWS, larger, pattern).kept).toEqual(wanda(weights, ROWS, squares, pattern).kept);
    const even = new Float64Array(COLS).fill(4);
    expect(wanda(weights, ROWS, even, pattern).kept).toEqual(magnitude(weights, ROWS, pattern).kept);
  });
});

const scores = wandaScores(weights, squares);
const countOf = (kept: Uint8Array): number => kept.reduce((sum, one) => sum + one, 0);

test("rows lose exactly ⌊columns · sparsity⌋, equal scores included", () => {
  for (const sparsity of [0, 0.37, 0.5, 1]) {
    const pattern: Pattern = { per: "row", sparsity };
    for (const values of [scores, new Float64Array(ROWS * COLS)]) {
      const kept = keptBy(pattern, values, ROWS);
      for (let row = 0; row < ROWS; row++) {
        expect(countOf(kept.subarray(row * COLS, (row + 1) * COLS))).toBe(COLS - Math.floor(COLS * sparsity));
      }
    }
  }
  // The lower columns go first.
  expect([...keptBy({ per: "row", sparsity: 0.5 }, Float64Array.of(1, 1, 1, 1), 1)]).toEqual([0, 0, 1, 1]);
});

test("one threshold a matrix takes all of its scores with it", () => {
  expect([...keptBy({ per: "matrix", sparsity: 0.5 }, Float64Array.of(3, 1, 2, 2, 5, 4), 2)]).toEqual([
    0, 0, 0, 0, 1, 1,
  ]);
});

test.each([
  [2, 4],
  [4, 8],
  [1, 2],
  [10, 16],
])("%i:%i has so many zeros in every group", (zeros, of) => {
  const kept = keptBy({ per: "group", zeros, of }, scores, ROWS);
  for (let at = 0; at < kept.length; at += of) expect(countOf(kept.subarray(at, at + of))).toBe(of - zeros);
});

test("groups that do not divide the columns are refused", () => {
  expect(() => keptBy({ per: "group", zeros: 2, of: 7 }, scores, ROWS)).toThrow(
    "groups of 7 do not divide 160 columns",
  );
});
