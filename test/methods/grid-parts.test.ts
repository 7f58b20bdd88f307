/** Packed grids against the weights that lay on them. */
import { describe, expect, test } from "vitest";
import { decodeTensor } from "../../src/core/model/decode.ts";
import { encodeTensor } from "../../src/core/model/encode.ts";
import { factorise, naturalOrder } from "../../src/tools/compress/methods/cholesky.ts";
import { gptq } from "../../src/tools/compress/methods/gptq.ts";
import { gridOf } from "../../src/tools/compress/methods/grid.ts";
import { gridFormat, gridParts } from "../../src/tools/compress/methods/grid-parts.ts";
import { sparseGpt } from "../../src/tools/compress/methods/sparsegpt.ts";
import { COLS, hessian, ROWS, weights } from "./layer.ts";
import { products } from "./products.ts";

// Codebooks come for multiples of 64 columns.
const cols = 128;
const part = weights.filter((_, at) => at % COLS < cols);
const square = hessian.filter((_, at) => at % COLS < cols && Math.floor(at / COLS) < cols);
const factor = factorise(products, square, naturalOrder(cols));

describe.each([
  [4, cols, "lut4", 4e-6],
  [3, cols, "lut3", 4e-6],
  [4, 32, "q4u", 2 ** -6],
  [3, 32, "q4u", 2 ** -6],
])("%i bits for %i columns", (bits, group, format, steps) => {
  test.each([
    ["GPTQ", () => gptq(products, part, ROWS, factor, bits, group)],
    [
      "SparseGPT",
      () => {
        const grid = gridOf(part, ROWS, bits, group);
        return { ...sparseGpt(products, part, ROWS, factor, { per: "group", zeros: 2, of: 4 }, grid), grid };
      },
    ],
  ])("%s", (_, solve) => {
    const made = solve();
    expect(gridFormat(made.grid, cols)).toBe(format);
    const layout = { format: gridFormat(made.grid, cols), rows: ROWS, cols };
    const decoded = decodeTensor(layout, encodeTensor(layout, gridParts(made.weights, ROWS, made.grid)));
    for (const [at, value] of decoded.entries()) {
      const scale = made.grid.scales[Math.floor(at / group)]!;
      expect(Math.abs(value - made.weights[at]!) / scale).toBeLessThan(steps);
    }
  });
});

test("grids that no format holds are refused", () => {
  expect(() => gridFormat(gridOf(part, ROWS, 5, cols), cols)).toThrow("32 uniform levels for 128 columns");
  expect(() => gridFormat(gridOf(part, ROWS, 4, 64), cols)).toThrow("3 or 4 bits a row");
});
