/** Rounding to each weight format, against the error that its grid allows. */
import { describe, expect, test } from "vitest";
import { decodeTensor } from "../../src/core/model/decode.ts";
import { encodeTensor } from "../../src/core/model/encode.ts";
import { CODE_COLS, THREE_BOOKS, TWO_BOOKS, wordsOf } from "../../src/core/model/formats/books.ts";
import { NORMAL_LEVELS } from "../../src/core/model/formats/q2had.ts";
import { STEPS } from "../../src/core/model/formats/q3had.ts";
import { rotate } from "../../src/core/model/formats/rotation.ts";
import type { BlockFormat } from "../../src/core/model/formats.ts";
import { roundRows } from "../../src/tools/compress/methods/round.ts";
import { normal, seeded } from "../support/random.ts";

function rounded(format: BlockFormat, values: Float32Array, rows: number): Float32Array {
  const layout = { format, rows, cols: values.length / rows };
  return decodeTensor(layout, encodeTensor(layout, roundRows(format, values, rows)));
}

const [ROWS, COLS] = [21, 160];
const random = seeded(3);
const values = Float32Array.from({ length: ROWS * COLS }, () => normal(random) * 10 ** (4 * random() - 3));
values.fill(0, 32, 64);
values.fill(-1.5, 64, 96);

test("q8 is within half a step of max|w| / 127, plus the rounding of the scale", () => {
  const decoded = rounded("q8", values, ROWS);
  for (let at = 0; at < values.length; at += 32) {
    const group = values.subarray(at, at + 32);
    const largest = Math.max(...group.map(Math.abs));
    const bound = (largest / 127) * 0.5 + largest * 2 ** -11 + 2 ** -18;
    for (let k = 0; k < 32; k++) expect(Math.abs(decoded[at + k]! - group[k]!)).toBeLessThanOrEqual(bound);
  }
  expect(decoded.slice(32, 64)).toEqual(new Float32Array(32));
});

test("q4u is within half a step of a fifteenth of the span, plus the rounding of scale and minimum", () => {
  const decoded = rounded("q4u", values, ROWS);
  for (let at = 0; at < values.length; at += 32) {
    const group = values.subarray(at, at + 32);
    const [low, high] = [Math.min(...group), Math.max(...group)];
    const slack = 2 ** -10 * Math.max(Math.abs(low), high - low) + 2 ** -20;
    for (let k = 0; k < 32; k++) {
      expect(Math.abs(decoded[at + k]! - group[k]!)).toBeLessThanOrEqual((high - low) / 30 + slack);
    }
  }
  expect(decoded.slice(64, 96)).toEqual(new Float32Array(32).fill(-1.5));
});

test("what lies on the grid is kept", () => {
  const grid = Float32Array.from({ length: 64 }, (_, n) => ((n % 32) * 8 - 127) * 0.25);
  grid[31] = 127 * 0.25;
  grid[63] = 127 * 0.25;
  expect(rounded("q8", grid, 2)).toEqual(grid);
  const steps = Float32Array.from({ length: 32 }, (_, n) => (n % 16) * 0.5 - 2);
  expect(rounded("q4u", steps, 1)).toEqual(steps);
  const levels = Float32Array.from({ length: 64 }, (_, n) => (n % 8) * 0.5 - 2);
  // Sixteen levels hold eight, and a step is a 63rd of their span.
  for (const format of ["lut4", "lut3"] as const) {
    const decoded = rounded(format, levels, 1);
    for (const [k, value] of levels.entries())
      expect(Math.abs(decoded[k]! - value)).toBeLessThanOrEqual(3.5 / 126 + 1e-6);
  }
});

describe.each([
  // Max 1960, Quantizing for minimum distortion: tables I and II: 0.1175 for four values, 0.03744 for eight even steps.
  { format: "q2had", levels: NORMAL_LEVELS, loses: [0.112, 0.123] },
  { format: "q3had", levels: STEPS, loses: [0.0355, 0.0398] },
] as const)("$format", ({ format, levels, loses }) => {
  test("keeps weights that were taught in it, however each row uses the levels", () => {
    const scales = Float32Array.from({ length: 16 }, (_, row) => (row === 3 ? 0 : 0.01 + random()));
    const taught = Float32Array.from({ length: 16 * 128 }, (_, at) => {
      const row = at >> 7;
      // Rows use one of the levels, two, … or all.
      return scales[row]! * levels[Math.floor(random() * (1 + (row % levels.length)))]!;
    });
    rotate(taught);
    const decoded = rounded(format, taught, 16);
    for (const [at, value] of taught.entries()) {
      expect(Math.abs(decoded[at]! - value)).toBeLessThanOrEqual(1e-5 * levels.at(-1)! * scales[at >> 7]!);
    }
  });

  test("loses of normal weights what so many levels must", () => losesOfNormal(format, loses));
});

describe.each([
  // Less than the best four and eight levels of one weight, which lose 0.1175 and 0.0345; more than any code of four
  // weights must (docs/record/log.md).
  { format: "q2add", books: TWO_BOOKS, loses: [0.094, 0.103] },
  { format: "q3add", books: THREE_BOOKS, loses: [0.0278, 0.0307] },
] as const)("$format", ({ format, books, loses }) => {
  test("keeps weights that were taught in it, however each row uses the entries", () => {
    const words = wordsOf(books);
    const scales = Float32Array.from({ length: 16 }, (_, row) => (row === 3 ? 0 : 0.01 + random()));
    const taught = new Float32Array(16 * 128);
    for (let at = 0; at < taught.length; at += CODE_COLS) {
      const row = at >> 7;
      // Some rows use all codes alike, others those of the first entries more.
      const code = Math.floor(random() ** (1 + (row % 3)) * (words.length / CODE_COLS));
      for (let i = 0; i < CODE_COLS; i++) taught[at + i] = scales[row]! * words[CODE_COLS * code + i]!;
    }
    rotate(taught);
    const decoded = rounded(format, taught, 16);
    for (const [at, value] of taught.entries()) {
      expect(Math.abs(decoded[at]! - value)).toBeLessThanOrEqual(2e-5 * scales[at >> 7]!);
    }
  });

  test("loses of normal weights what its books must", () => losesOfNormal(format, loses));
});

function losesOfNormal(format: BlockFormat, [least, most]: readonly [number, number]): void {
  const bells = Float32Array.from({ length: 16 * 1024 }, () => normal(random));
  const decoded = rounded(format, bells, 16);
  const lost = decoded.reduce((sum, value, at) => sum + (value - bells[at]!) ** 2, 0);
  const all = bells.reduce((sum, value) => sum + value ** 2, 0);
  expect(lost / all).toBeGreaterThan(least);
  expect(lost / all).toBeLessThan(most);
}

test("a codebook of a row's own beats a uniform grid over the row, and more levels beat fewer", () => {
  const [rows, cols] = [16, 512];
  const bells = Float32Array.from({ length: rows * cols }, () => normal(random));
  const error = (decoded: Float32Array) => decoded.reduce((sum, value, at) => sum + (value - bells[at]!) ** 2, 0);
  const uniform = bells.map((_, at) => {
    const line = bells.subarray(at - (at % cols), at - (at % cols) + cols);
    const [low, high] = [Math.min(...line), Math.max(...line)];
    return low + (Math.round(((bells[at]! - low) / (high - low)) * 15) * (high - low)) / 15;
  });
  expect(error(rounded("lut4", bells, rows))).toBeLessThan(0.8 * error(uniform));
  expect(error(rounded("lut4", bells, rows))).toBeLessThan(0.5 * error(rounded("lut3", bells, rows)));
  expect(error(rounded("lut3", bells, rows))).toBeLessThan(0.5 * error(rounded("q2had", bells, rows)));
});

test.each(["lut4", "lut3"] as const)("%s counts errors by sensitivities, where they are given", (format) => {
  const layout = { format, rows: ROWS, cols: COLS + 32 };
  const bells = Float32Array.from({ length: ROWS * (COLS + 32) }, () => normal(random));
  const sensitivities = bells.map(() => random() ** 4);
  const error = (given?: Float32Array): number => {
    const decoded = decodeTensor(layout, encodeTensor(layout, roundRows(format, bells, ROWS, given)));
    return decoded.reduce((sum, value, at) => sum + sensitivities[at]! * (value - bells[at]!) ** 2, 0);
  };
  expect(error(sensitivities)).toBeLessThan(0.9 * error());
});

describe("values that no f16 scale reaches are refused", () => {
  test.each<[BlockFormat, number]>([
    ["q8", 1e9],
    ["q8", Number.NaN],
    ["q4u", -1e6],
  ])("%s of %d", (format, value) => {
    expect(() => rounded(format, new Float32Array(32).fill(value), 1)).toThrow("does not fit a f16");
  });
});
