/** Tables of outliers against the drawing in layouts.ts, and what comes back from them. */
import { describe, expect, test } from "vitest";
import { decodeTensor } from "../../src/core/model/decode.ts";
import { type TensorLayout, tensorBytes } from "../../src/core/model/layouts.ts";
import { type Outliers, withOutliers } from "../../src/core/model/outlier-table.ts";
import { seeded } from "../support/random.ts";

/** A matrix of zeros. */
function zeros(rows: number, cols: number): TensorLayout & { bytes: Uint8Array } {
  const layout: TensorLayout = { format: "q8", rows, cols };
  return { ...layout, bytes: new Uint8Array(tensorBytes(layout)) };
}

/** `counts` outliers a row, in other columns each, of values that f16 holds. */
function randomOutliers(counts: readonly number[], cols: number): Outliers {
  const random = seeded(counts.length);
  const starts = [0];
  const columns: number[] = [];
  for (const count of counts) {
    const places = Array.from({ length: cols }, (_, k) => ({ k, order: random() })).sort((a, b) => a.order - b.order);
    columns.push(...places.slice(0, count).map(({ k }) => k));
    starts.push(columns.length);
  }
  return { starts, columns, values: columns.map(() => Math.round(random() * 2000 + 1) / 1024 - 1.5) };
}

function valuesOf({ starts, columns, values }: Outliers, rows: number, cols: number): Float32Array {
  const out = new Float32Array(rows * cols);
  for (let row = 0; row < rows; row++) {
    for (let at = starts[row]!; at < starts[row + 1]!; at++) out[row * cols + columns[at]!] = values[at]!;
  }
  return out;
}

const rowsOf = (rows: number, count: (row: number) => number) => Array.from({ length: rows }, (_, row) => count(row));

describe.each<[string, number[], number]>([
  ["three a row", rowsOf(37, () => 3), 64],
  ["none", rowsOf(20, () => 0), 64],
  ["all in the last row of three slices", rowsOf(150, (row) => (row === 149 ? 96 : 0)), 96],
  ["every weight", rowsOf(18, () => 32), 32],
  ["few rows with many", rowsOf(200, (row) => (row % 31 === 4 ? 90 - row / 4 : 0) | 0), 96],
  ["any number", rowsOf(130, (row) => Math.floor(((row * 7919) % 101) ** 2 / 300)), 64],
])("%s", (_, counts, cols) => {
  const rows = counts.length;
  const outliers = randomOutliers(counts, cols);
  const made = withOutliers(zeros(rows, cols), outliers);

  test("comes back", () => {
    expect(decodeTensor(made, made.bytes)).toEqual(valuesOf(outliers, rows, cols));
    expect(made.outliers!.count).toBe(counts.reduce((sum, count) => sum + count, 0));
    expect(made.bytes.length).toBe(tensorBytes(made));
  });

  test("is little more than its outliers", () => {
    const slices = Math.ceil(rows / 64);
    expect(made.outliers!.bytes).toBeLessThan(4 * slices + 1.3 * 4 * made.outliers!.count + 1);
  });
});

test("a table lies as layouts.ts draws it", () => {
  // Row 1 has one outlier, row 2 four, row 65 two.
  const dense = zeros(66, 32);
  const counts = rowsOf(66, (row) => ({ 1: 1, 2: 4, 65: 2 })[row] ?? 0);
  const starts = [0];
  for (const count of counts) starts.push(starts.at(-1)! + count);
  const made = withOutliers(dense, { starts, columns: [7, 1, 2, 3, 31, 4, 5], values: [0.5, 1, -1, 2, -2, 1.5, 0.25] });
  const view = new DataView(made.bytes.buffer, dense.bytes.length);
  const words = Array.from({ length: made.outliers!.bytes / 4 }, (_, n) => view.getUint32(4 * n, true));
  const entry = (f16: number, column: number) => f16 * 65536 + column;
  const [half, quarter, one, two, threeHalves, minus] = [0x3800, 0x3400, 0x3c00, 0x4000, 0x3e00, 0x8000];
  expect(words).toEqual([
    // One strip, two long: row 2 in two lanes, row 1 in one and the fourth on the row of the first.
    ...[1, 0x02010202, 2],
    ...[entry(one, 1), entry(two, 3), entry(half, 7), 0],
    ...[entry(one + minus, 2), entry(two + minus, 31), 0, 0],
    // One strip, one long: row 1 of the slice twice.
    ...[1, 0x01010101, 1],
    ...[entry(threeHalves, 4), entry(quarter, 5), 0, 0],
  ]);
});

test("values are rounded to f16", () => {
  const made = withOutliers(zeros(1, 32), { starts: [0, 2], columns: [0, 9], values: [0.1, 1e-5] });
  const values = decodeTensor(made, made.bytes);
  for (const [k, value] of [
    [0, 0.1],
    [9, 1e-5],
  ] as const) {
    expect(Math.abs(values[k]! - value)).toBeLessThanOrEqual(Math.max(value * 2 ** -11, 2 ** -25));
  }
});

test("what no table holds is refused with its place", () => {
  const one = (column: number, value: number): Outliers => ({ starts: [0, 0, 1], columns: [column], values: [value] });
  expect(() => withOutliers(zeros(2, 32), one(32, 1))).toThrow("row 1: outlier in column 32 of 32");
  expect(() => withOutliers(zeros(2, 32), one(3, 7e4))).toThrow("row 1, column 3: outlier 70000 does not fit a f16");
  expect(() => withOutliers(zeros(1, 65568), { starts: [0, 0], columns: [], values: [] })).toThrow(
    "outliers need at most 65536 columns, got 65568",
  );
});

test("the last of 65,536 columns", () => {
  const made = withOutliers(zeros(1, 65536), { starts: [0, 1], columns: [65535], values: [3] });
  expect(decodeTensor(made, made.bytes)[65535]).toBe(3);
});
