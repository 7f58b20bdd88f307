/** The cost of one call of each kernel, counted by hand for a small shape. */
import { expect, test } from "vitest";
import type { Kernels } from "../../src/core/kernels/abi.ts";
import { costOf, sumCosts, totalBytes, totalMacs } from "../../src/tools/inspect/cost.ts";

interface Counted {
  readonly kernel: keyof Kernels;
  readonly args: readonly number[];
  readonly weight?: { bytes: number; rows: number; outliers?: number };
  readonly streamed: number;
  readonly resident: number;
  readonly int8?: number;
  readonly int14?: number;
  readonly int16?: number;
  readonly f32?: number;
}

// An activation record of 64 numbers: 16 scales + 2 · 16 sums + 6 · 64 = 432 bytes. A token's keys and values, 2 heads
// of 32 channels: 2 · (12 bits · 32 + scale + 8 bits · 32 + scale) = 2 · (48 + 4 + 32 + 4) = 176 bytes.
const CALLS: readonly Counted[] = [
  // One of 512 rows: 64 bytes, two scales and two sums of two bytes, decoded to 64 floats.
  {
    kernel: "embedQ8",
    args: [0, 1088, 7, 64, 0],
    weight: { bytes: 36864, rows: 512 },
    streamed: 72,
    resident: 4 * 64,
    f32: 64,
  },
  {
    kernel: "embedQ4u",
    args: [0, 1088, 7, 64, 0],
    weight: { bytes: 20480, rows: 512 },
    streamed: 40,
    resident: 4 * 64,
    f32: 64,
  },
  { kernel: "quantise", args: [0, 64, 2, 0], streamed: 0, resident: 2 * (256 + 432), f32: 2 * 64 },
  {
    kernel: "rmsnormQuantise",
    args: [0, 0, 64, 2, 1e-5, 0],
    weight: { bytes: 256, rows: 1 },
    streamed: 256,
    resident: 2 * (256 + 432),
    f32: 2 * 4 * 64,
  },
  { kernel: "swigluQuantise", args: [0, 64, 1, 0], streamed: 0, resident: 2 * 256 + 432, f32: 3 * 64 },
  {
    kernel: "matmulQ4u",
    args: [0, 1, 0, 640, 16, 64, 14, 0, 16, 0, 0],
    weight: { bytes: 640, rows: 16 },
    streamed: 640,
    resident: 432 + 16 * 4,
    int14: 16 * 64,
  },
  {
    kernel: "matmulQ4u",
    args: [0, 1, 0, 640, 16, 64, 8, 0, 16, 0, 0],
    weight: { bytes: 640, rows: 16 },
    streamed: 640,
    resident: 432 + 16 * 4,
    int8: 16 * 64,
  },
  // Codes of four and three bits, entries and two floats of each row.
  {
    kernel: "matmulLut4",
    args: [0, 1, 0, 896, 16, 64, 8, 0, 16, 0, 0],
    weight: { bytes: 896, rows: 16 },
    streamed: 896,
    resident: 432 + 16 * 4,
    int8: 16 * 64,
  },
  {
    kernel: "matmulLut3",
    args: [0, 1, 0, 640, 16, 64, 14, 0, 16, 0, 0],
    weight: { bytes: 640, rows: 16 },
    streamed: 640,
    resident: 432 + 16 * 4,
    int14: 16 * 64,
  },
  {
    kernel: "matmulQ2had",
    args: [0, 1, 0, 336, 16, 64, 14, 0, 16, 0, 0],
    weight: { bytes: 336, rows: 16 },
    streamed: 336,
    resident: 432 + 16 * 4,
    int8: 16 * 64,
  },
  // Two tokens, three outliers in each of 16 rows, in four strips; the outputs are read and written.
  {
    kernel: "addOutliers",
    args: [0, 2, 0, 16, 64, 8, 0, 16, 0],
    weight: { bytes: 4 + 4 * (8 + 48), rows: 16, outliers: 48 },
    streamed: 4 + 4 * (8 + 48),
    resident: 2 * (432 + 16 * 8),
    f32: 2 * 16 * 3,
  },
  // Five outliers in some of 16 rows.
  {
    kernel: "addOutliers",
    args: [0, 1, 0, 16, 64, 14, 0, 16, 0],
    weight: { bytes: 4 + 2 * (8 + 16), rows: 16, outliers: 5 },
    streamed: 4 + 2 * (8 + 16),
    resident: 432 + 5 * 8,
    f32: 5,
  },
  {
    kernel: "embedLut4",
    args: [0, 896, 7, 64, 0],
    weight: { bytes: 896, rows: 16 },
    streamed: 56,
    resident: 4 * 64,
    f32: 64,
  },
  // Three tokens onto a residual: the weights once, the outputs read and written.
  {
    kernel: "matmulQ8",
    args: [0, 3, 0, 1152, 16, 64, 8, 0, 16, 1, 0],
    weight: { bytes: 1152, rows: 16 },
    streamed: 1152,
    resident: 3 * (432 + 16 * 8),
    int14: 3 * 16 * 64,
  },
  { kernel: "rope", args: [0, 6, 32, 2, 256, 0], streamed: 0, resident: 2 * (8 * 192 + 128), f32: 2 * 2 * 192 },
  {
    kernel: "kvAppend",
    args: [0, 0, 256, 2, 2, 32, 0, 0, 3],
    streamed: 2 * 176,
    resident: 2 * 2 * 64 * 4,
    f32: 2 * 2 * 64,
  },
  // Two queries after three tokens see 4 and 5 keys, in each of four heads.
  {
    kernel: "attention",
    args: [0, 256, 2, 4, 2, 32, 0, 0, 3, 0, 128, 0],
    streamed: 5 * 176,
    resident: 2 * 2 * 128 * 4,
    int16: 2 * 4 * 9 * 32,
    f32: 14 * 4 * 9,
  },
  { kernel: "argmax", args: [0, 512], streamed: 0, resident: 2048 },
];

test.each(CALLS)("$kernel", ({ kernel, args, weight, streamed, resident, int8 = 0, int14 = 0, int16 = 0, f32 = 0 }) => {
  expect(costOf(kernel, args, { bytes: 0, rows: 0, outliers: 0, ...weight })).toEqual({
    streamed,
    resident,
    macs: { int8, int14, int16, f32 },
  });
});

test("costs add up, kind by kind", () => {
  const sum = sumCosts([
    { streamed: 1, resident: 2, macs: { int8: 6, int14: 3, int16: 4, f32: 5 } },
    { streamed: 10, resident: 20, macs: { int8: 60, int14: 30, int16: 40, f32: 50 } },
  ]);
  expect(sum).toEqual({ streamed: 11, resident: 22, macs: { int8: 66, int14: 33, int16: 44, f32: 55 } });
  expect(totalBytes(sum)).toBe(33);
  expect(totalMacs(sum)).toBe(198);
});
