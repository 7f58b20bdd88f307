/** Tiles against the layout as layouts.ts draws it, and against the GGUF blocks they came from. */
import { describe, expect, test } from "vitest";
import { type BlockType, blockBytes, dequantise } from "../../src/model/blocks.ts";
import { decodeTensor } from "../../src/model/decode.ts";
import { f16ToNumber } from "../../src/model/f16.ts";
import { paddedRows, tensorBytes } from "../../src/model/layouts.ts";
import { permuteRows, quantiseQ4u, quantiseQ8, tileBlocks } from "../../src/model/tiles.ts";
import { fromBase64, goldenJson } from "../support/golden.ts";
import { normal, seeded } from "../support/random.ts";

/** One value of a tiled matrix by the formulas in layouts.ts, without shared code. */
function valueAt(format: "q4u" | "q8", bytes: Uint8Array, cols: number, row: number, col: number): number {
  const size = format === "q4u" ? 160 : 288;
  const tile = (row >> 4) * (cols / 32) * 2 * size + ((row >> 3) & 1) * (cols / 32) * size + (col >> 5) * size;
  const [r, k] = [row & 7, col & 31];
  const half = (at: number) => f16ToNumber(bytes[tile + at]! | (bytes[tile + at + 1]! << 8));
  if (format === "q8") {
    const byte = bytes[tile + (k >> 2) * 32 + r * 4 + (k & 3)]!;
    return Math.fround(((byte << 24) >> 24) * half(256 + 2 * r));
  }
  const byte = bytes[tile + (k >> 3) * 32 + r * 4 + (k & 3)]!;
  return Math.fround(((k & 7) < 4 ? byte & 15 : byte >> 4) * half(128 + 2 * r) + half(144 + 2 * r));
}

/** Rows of golden blocks, repeated with other blocks first as often as rows need. */
function blockRows(type: BlockType, rows: number, cols: number): Uint8Array {
  const golden = fromBase64(goldenJson("blocks.json")[type].data);
  const bytes = new Uint8Array(blockBytes(type, rows * cols));
  const unit = blockBytes(type, 32);
  const count = golden.length / unit;
  for (let n = 0; n < bytes.length / unit; n++) {
    const from = ((n * 7) % count) * unit;
    bytes.set(golden.subarray(from, from + unit), n * unit);
  }
  return bytes;
}

const SHAPES = [
  [16, 32],
  [1, 32],
  [37, 96],
  [48, 64],
] as const;

describe.each(["Q4_0", "Q4_1", "Q8_0"] as const)("%s", (type) => {
  const format = type === "Q8_0" ? "q8" : "q4u";

  test.each(SHAPES)("%i × %i: tiles hold exactly the values of the blocks", (rows, cols) => {
    const blocks = blockRows(type, rows, cols);
    const tiles = tileBlocks(type, blocks, rows, cols);
    expect(tiles.length).toBe(tensorBytes({ format, rows, cols }));
    const expected = dequantise(type, blocks, rows * cols);
    // Q4_0 can say −0 and an offset of 8 scales cannot: the only difference, gone after + 0.
    expect(decodeTensor({ format, rows, cols }, tiles).map((value) => value + 0)).toEqual(
      expected.map((value) => value + 0),
    );
  });

  test("a value lies where layouts.ts says, and padding rows are zero", () => {
    const [rows, cols] = [37, 96];
    const tiles = tileBlocks(type, blockRows(type, rows, cols), rows, cols);
    const decoded = decodeTensor({ format, rows, cols }, tiles);
    for (let row = 0; row < paddedRows(rows); row++) {
      for (let col = 0; col < cols; col++) {
        const expected = row < rows ? decoded[row * cols + col] : 0;
        expect(valueAt(format, tiles, cols, row, col)).toBe(expected);
      }
    }
  });

  test("a scale that is no number is refused with its place", () => {
    const blocks = blockRows(type, 2, 64);
    const second = blockBytes(type, 64) + blockBytes(type, 32);
    blocks.set([0x00, 0x7c], second);
    expect(() => tileBlocks(type, blocks, 2, 64)).toThrow("row 1, columns 32…: the scale is not a finite f16");
  });
});

describe("rounding", () => {
  const [rows, cols] = [21, 160];
  const random = seeded(3);
  const values = Float32Array.from({ length: rows * cols }, () => normal(random) * 10 ** (4 * random() - 3));
  values.fill(0, 32, 64);
  values.fill(-1.5, 64, 96);

  test("q8 is within half a step of max|x| / 127, plus the rounding of the scale", () => {
    const decoded = decodeTensor({ format: "q8", rows, cols }, quantiseQ8(values, rows, cols));
    for (let at = 0; at < values.length; at += 32) {
      const group = values.subarray(at, at + 32);
      const largest = Math.max(...group.map(Math.abs));
      for (let k = 0; k < 32; k++) {
        expect(Math.abs(decoded[at + k]! - group[k]!)).toBeLessThanOrEqual(
          (largest / 127) * 0.5 + largest * 2 ** -11 + 2 ** -18,
        );
      }
    }
    expect(decoded.slice(32, 64)).toEqual(new Float32Array(32));
  });

  test("q4u is within half a step of a fifteenth of the span, plus the rounding of scale and minimum", () => {
    const decoded = decodeTensor({ format: "q4u", rows, cols }, quantiseQ4u(values, rows, cols));
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
    expect(decodeTensor({ format: "q8", rows: 2, cols: 32 }, quantiseQ8(grid, 2, 32))).toEqual(grid);
    const steps = Float32Array.from({ length: 32 }, (_, n) => (n % 16) * 0.5 - 2);
    expect(decodeTensor({ format: "q4u", rows: 1, cols: 32 }, quantiseQ4u(steps, 1, 32))).toEqual(steps);
  });

  test("values that no f16 scale reaches are refused", () => {
    expect(() => quantiseQ8(new Float32Array(32).fill(1e9), 1, 32)).toThrow("does not fit a f16");
    expect(() => quantiseQ8(new Float32Array(32).fill(Number.NaN), 1, 32)).toThrow("does not fit a f16");
    expect(() => quantiseQ4u(new Float32Array(32).fill(-1e6), 1, 32)).toThrow("does not fit a f16");
  });
});

test("rows move as bytes", () => {
  const rows = Uint8Array.of(0, 0, 1, 1, 2, 2);
  expect(permuteRows(rows, 2, [2, 0, 1, 1])).toEqual(Uint8Array.of(2, 2, 0, 0, 1, 1, 1, 1));
});

test("bytes that are not those of the shape are refused", () => {
  expect(() => tileBlocks("Q8_0", new Uint8Array(34), 2, 32)).toThrow("2 × 32 of Q8_0 are 68 bytes, got 34");
  expect(() => decodeTensor({ format: "q8", rows: 1, cols: 32 }, new Uint8Array(10))).toThrow(
    "1 × 32 in q8 are 576 bytes, got 10",
  );
  expect(() => quantiseQ8(new Float32Array(48), 1, 48)).toThrow("multiples of 32");
});
