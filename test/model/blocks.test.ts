/** Every block type against the `gguf` package, bit for bit (test/golden/make_blocks.py). */
import { describe, expect, test } from "vitest";
import { BLOCKS, type BlockType, blockBytes, dequantise } from "../../src/core/model/blocks.ts";
import { fromBase64, goldenJson } from "../support/golden.ts";

const golden: Record<BlockType, { id: number; values: number; bytes: number; data: string; decoded: string }> =
  goldenJson("blocks.json");

describe.each(Object.entries(golden))("%s", (name, { id, values, bytes, data, decoded }) => {
  const type = name as BlockType;

  test("has the id and the size that gguf gives it", () => {
    expect(BLOCKS[type]).toMatchObject({ id, values, bytes });
  });

  test("dequantises to the same bits", () => {
    const expected = fromBase64(decoded);
    const out = dequantise(type, fromBase64(data), expected.length / 4);
    expect(new Uint8Array(out.buffer)).toEqual(expected);
  });

  test("refuses bytes of another length", () => {
    const blocks = fromBase64(data);
    const count = (blocks.length / bytes) * values;
    expect(() => dequantise(type, blocks.subarray(1), count)).toThrow("bytes, got");
    expect(() => dequantise(type, blocks, count + values)).toThrow("bytes, got");
  });
});

test("the table holds the golden types and no others", () => {
  expect(Object.keys(BLOCKS).sort()).toEqual(Object.keys(golden).sort());
});

test("a part of a block has no size", () => {
  expect(() => blockBytes("Q4_1", 33)).toThrow("blocks of 32");
  expect(() => blockBytes("Q6_K", 576)).toThrow("blocks of 256");
});

test("blocks may begin at any byte of a buffer", () => {
  const { data, decoded } = golden.Q5_1;
  const blocks = fromBase64(data);
  const shifted = new Uint8Array(blocks.length + 3);
  shifted.set(blocks, 3);
  const out = dequantise("Q5_1", shifted.subarray(3), fromBase64(decoded).length / 4);
  expect(new Uint8Array(out.buffer)).toEqual(fromBase64(decoded));
});
