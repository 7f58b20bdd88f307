/** Picked rows stand for the very values that they stood for, in every format; so do their sums, which kernels read. */
import { expect, test } from "vitest";
import { decodeTensor } from "../../src/core/model/decode.ts";
import { encodeTensor } from "../../src/core/model/encode.ts";
import { FORMATS } from "../../src/core/model/formats.ts";
import type { TensorLayout } from "../../src/core/model/layouts.ts";
import { pickRows } from "../../src/core/model/pick-rows.ts";
import { seeded } from "../support/random.ts";

const [ROWS, COLS] = [48, 128];
const PICKED = [0, 3, 4, 15, 16, 17, 18, 20, 22, 30, 31, 32, 33, 40, 46, 47, 7, 7];

/** Any matrix of the format. */
function anyMatrix(format: keyof typeof FORMATS): { layout: TensorLayout; bytes: Uint8Array } {
  const random = seeded(5);
  const list = (length: number, of: () => number) => Array.from({ length }, of);
  const whole = (below: number) => () => Math.floor(random() * below);
  const groups = ROWS * (COLS / 32);
  const layout: TensorLayout = { format, rows: ROWS, cols: COLS };
  const most = {
    q4u: 16,
    q8: 127,
    lut4: 16,
    lut3: 8,
    q2had: 4,
    q3had: 8,
    q2add: 256,
    q3add: 4096,
  }[format];
  const parts = {
    codes: list(ROWS * COLS, whole(most)),
    d: list(groups, random),
    m: list(groups, random),
    codebooks: list(ROWS * (format === "lut4" ? 16 : 8), whole(64)),
    a: list(ROWS, random),
    b: list(ROWS, random),
    levels: [-1, -0.25, 0.5, 1],
    scales: list(ROWS, random),
  };
  return { layout, bytes: encodeTensor(layout, parts) };
}

test.each(Object.keys(FORMATS) as (keyof typeof FORMATS)[])("%s", (format) => {
  const { layout, bytes } = anyMatrix(format);
  const values = decodeTensor(layout, bytes);
  const picked = pickRows(layout, bytes, PICKED);
  const expected = Float32Array.from(PICKED.flatMap((row) => [...values.subarray(row * COLS, (row + 1) * COLS)]));
  expect(decodeTensor({ ...layout, rows: PICKED.length }, picked)).toEqual(expected);
  const all = Array.from({ length: ROWS }, (_, row) => row);
  expect(pickRows(layout, bytes, all)).toEqual(bytes);
  expect(pickRows(layout, bytes, all.slice(0, 32))).toEqual(bytes.subarray(0, (bytes.length / 3) * 2));
});

test("floats", () => {
  const values = Float32Array.from({ length: 6 * 4 }, (_, n) => n);
  const picked = pickRows({ format: "f32", rows: 6, cols: 4 }, new Uint8Array(values.buffer), [5, 1]);
  expect(new Float32Array(picked.buffer)).toEqual(Float32Array.of(20, 21, 22, 23, 4, 5, 6, 7));
});

test("rows of a matrix with outliers are not picked", () => {
  const layout: TensorLayout = { format: "q8", rows: 16, cols: 32, outliers: { count: 1, bytes: 28 } };
  expect(() => pickRows(layout, new Uint8Array(), [0])).toThrow(/outliers/);
});
