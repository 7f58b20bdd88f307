/** Tiles against the layout as layouts.ts draws it, and against the GGUF blocks they came from. */
import { describe, expect, test } from "vitest";
import { type BlockType, blockBytes, dequantise } from "../../src/core/model/blocks.ts";
import { decodeTensor } from "../../src/core/model/decode.ts";
import { f16ToNumber } from "../../src/core/model/f16.ts";
import { paddedRows, tensorBytes } from "../../src/core/model/layouts.ts";
import { permuteRows, tileBlocks } from "../../src/core/model/tiles.ts";
import { fromBase64, goldenJson } from "../support/golden.ts";

/** One value of a tiled matrix by the formulas in layouts.ts, without shared code. */
function valueAt(format: "q4u" | "q8", bytes: Uint8Array, cols: number, row: number, col: number): number {
  const size = format === "q4u" ? 320 : 576;
  const tile = ((row >> 4) * (cols / 32) + (col >> 5)) * size;
  const [r, k] = [row & 15, col & 31];
  const half = (at: number) => f16ToNumber(bytes[tile + at]! | (bytes[tile + at + 1]! << 8));
  if (format === "q8") {
    const byte = bytes[tile + (k >> 2) * 64 + r * 4 + (k & 3)]!;
    return Math.fround(((byte << 24) >> 24) * half(512 + 2 * r));
  }
  const byte = bytes[tile + (k >> 3) * 64 + r * 4 + (k & 3)]!;
  return Math.fround(((k & 7) < 4 ? byte & 15 : byte >> 4) * half(256 + 2 * r) + half(288 + 2 * r));
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

describe.each(["Q4_0", "Q4_1", "Q5_0", "Q8_0"] as const)("%s", (type) => {
  const format = type === "Q8_0" || type === "Q5_0" ? "q8" : "q4u";

  test.each(SHAPES)("%i × %i: tiles hold exactly the values of the blocks", (rows, cols) => {
    const blocks = blockRows(type, rows, cols);
    const tiles = tileBlocks(type, blocks, rows, cols);
    expect(tiles.length).toBe(tensorBytes({ format, rows, cols }));
    const expected = dequantise(type, blocks, rows * cols);
    // Blocks can say −0; an offset of 8 scales and a code of 0 cannot: the only difference, gone after + 0.
    expect(decodeTensor({ format, rows, cols }, tiles).map((value) => value + 0)).toEqual(
      expected.map((value) => value + 0),
    );
  });

  test("a value lies where its format draws it, and padding rows are zero", () => {
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

test("rows move as bytes", () => {
  const rows = Uint8Array.of(0, 0, 1, 1, 2, 2);
  expect(permuteRows(rows, 2, [2, 0, 1, 1])).toEqual(Uint8Array.of(2, 2, 0, 0, 1, 1, 1, 1));
});

test("bytes that are not those of the shape are refused", () => {
  expect(() => tileBlocks("Q8_0", new Uint8Array(34), 2, 32)).toThrow("2 × 32 of Q8_0 are 68 bytes, got 34");
  expect(() => decodeTensor({ format: "q8", rows: 1, cols: 32 }, new Uint8Array(10))).toThrow(
    "1 × 32 in q8 are 576 bytes, got 10",
  );
});
