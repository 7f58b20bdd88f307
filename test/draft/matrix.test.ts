/** Which matrices are one to the kernels. */
import { expect, test } from "vitest";
import { joinMatrices, type Matrix } from "../../src/core/draft/matrix.ts";

const BLOCK = 640;

/** Matrices of these rows, end to end, and their tables too if they have `bytes` of outliers. */
function endToEnd(rows: readonly number[], bytes: readonly (number | undefined)[] = []): Matrix[] {
  let address = 1000;
  let table = 500_000;
  return rows.map((own, n) => {
    const size = bytes[n];
    const outliers = size === undefined ? undefined : { address: table, bytes: size };
    const matrix: Matrix = { address, format: "q4u", rows: own, cols: 64, blockBytes: BLOCK, outliers };
    address += Math.ceil(own / 16) * BLOCK;
    table += size ?? 0;
    return matrix;
  });
}

const joined = (matrices: readonly Matrix[]) =>
  joinMatrices(matrices).map(({ rows, outliers }) => [rows, outliers?.bytes]);

test("whole blocks of one layout, end to end, are one matrix", () => {
  expect(joined(endToEnd([128, 64, 48]))).toEqual([[240, undefined]]);
  expect(joined(endToEnd([128, 63, 48]))).toEqual([
    [191, undefined],
    [48, undefined],
  ]);
  const [q, k] = endToEnd([128, 64]);
  expect(joinMatrices([q!, { ...k!, address: k!.address + 16 }]).length).toBe(2);
  expect(joinMatrices([q!, { ...k!, format: "q8" }]).length).toBe(2);
});

test("with outliers, rows come in 64s and tables lie end to end too", () => {
  expect(joined(endToEnd([128, 64, 48], [40, 4, 20]))).toEqual([[240, 64]]);
  expect(joined(endToEnd([96, 96], [40, 24]))).toEqual([
    [96, 40],
    [96, 24],
  ]);
  expect(joined(endToEnd([64, 64], [40, undefined]))).toEqual([
    [64, 40],
    [64, undefined],
  ]);
  expect(joined(endToEnd([64, 64], [undefined, 40]))).toEqual([
    [64, undefined],
    [64, 40],
  ]);
});
