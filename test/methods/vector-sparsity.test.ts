/** Which columns blocks keep, and which weights are outliers, by brute force. */
import { expect, test } from "vitest";
import { largestResiduals } from "../../src/tools/compress/methods/residuals.ts";
import { keepOf, keptColumnsByNorm, takeColumns } from "../../src/tools/compress/methods/vector-sparsity.ts";
import { normal, seeded } from "../support/random.ts";

const [ROWS, COLS] = [20, 48];
const random = seeded(9);
const values = Float32Array.from({ length: ROWS * COLS }, () => normal(random));

test.each([4, 8, 12] as const)("every block keeps the %i columns of each window with the most weight", (keep) => {
  const kept = keptColumnsByNorm(values, ROWS, COLS, keep);
  expect(kept.length).toBe(2 * 3 * keep);
  for (let block = 0; block < 2; block++) {
    for (let window = 0; window < 3; window++) {
      const own = [...kept.subarray((block * 3 + window) * keep, (block * 3 + window + 1) * keep)];
      expect(own).toEqual([...new Set(own)].sort((a, b) => a - b));
      const norm = (place: number) => {
        const rows = Array.from({ length: Math.min(16, ROWS - 16 * block) }, (_, r) => 16 * block + r);
        return rows.reduce((sum, row) => sum + values[row * COLS + 16 * window + place]! ** 2, 0);
      };
      const others = Array.from({ length: 16 }, (_, place) => place).filter((place) => !own.includes(place));
      expect(Math.min(...own.map(norm))).toBeGreaterThanOrEqual(Math.max(...others.map(norm)));
    }
  }
  const taken = takeColumns(values, ROWS, COLS, kept, keep);
  expect(taken.length).toBe((ROWS * COLS * keep) / 16);
  // Row 17 is in the second block; its second window starts at column 16.
  expect(taken[17 * 3 * keep + keep]).toBe(values[17 * COLS + 16 + kept[(3 + 1) * keep]!]);
});

test.each([4, 8, 12, 16] as const)("blocks that keep %i columns are known by their zeros", (keep) => {
  const kept = keptColumnsByNorm(values, ROWS, COLS, keep);
  const pruned = values.map((value, at) => {
    const [row, col] = [Math.floor(at / COLS), at % COLS];
    const first = (Math.floor(row / 16) * 3 + Math.floor(col / 16)) * keep;
    return kept.subarray(first, first + keep).includes(col % 16) ? value : 0;
  });
  expect(keepOf(pruned, ROWS, COLS)).toBe(keep);
  // One more column, if there is one, by a weight of the last row.
  pruned[(ROWS - 1) * COLS + pruned.subarray((ROWS - 1) * COLS).indexOf(0)] = 1;
  expect(keepOf(pruned, ROWS, COLS)).toBe(Math.min(16, keep + 4));
});

test("outliers are the largest residuals of each row", () => {
  const rounded = values.map((value) => Math.round(value));
  const largest = largestResiduals(values, rounded, ROWS, 3);
  for (let row = 0; row < ROWS; row++) {
    const own = Array.from({ length: COLS }, (_, k) => k).filter((k) => largest[row * COLS + k] === 1);
    expect(own.length).toBe(3);
    const error = (k: number) => Math.abs(values[row * COLS + k]! - rounded[row * COLS + k]!);
    const others = Array.from({ length: COLS }, (_, k) => k).filter((k) => !own.includes(k));
    expect(Math.min(...own.map(error))).toBeGreaterThanOrEqual(Math.max(...others.map(error)));
  }
});
