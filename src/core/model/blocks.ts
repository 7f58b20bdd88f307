/**
 * The block types that GGUF files store weights in, one row each, and what values they stand for (ggml's block
 * structs). A row of a tensor is a run of blocks; rows are independent, so they can be reordered as bytes.
 * Only reading: packs have their own layouts (layouts.ts, tiles.ts).
 */
import type { BlockLayout } from "./blocks/block.ts";
import { iq4_nl, iq4_xs } from "./blocks/iq4.ts";
import { q2_k, q4_k, q5_k } from "./blocks/k-minima.ts";
import { q3_k, q6_k } from "./blocks/k-symmetric.ts";
import { q4_0, q4_1, q5_0, q5_1, q8_0 } from "./blocks/legacy.ts";
import { bf16, f16, f32 } from "./blocks/plain.ts";
import { OutriderError } from "./errors.ts";

export const BLOCKS = {
  F32: f32,
  F16: f16,
  BF16: bf16,
  Q4_0: q4_0,
  Q4_1: q4_1,
  Q5_0: q5_0,
  Q5_1: q5_1,
  Q8_0: q8_0,
  Q2_K: q2_k,
  Q3_K: q3_k,
  Q4_K: q4_k,
  Q5_K: q5_k,
  Q6_K: q6_k,
  IQ4_NL: iq4_nl,
  IQ4_XS: iq4_xs,
} satisfies Record<string, BlockLayout>;

export type BlockType = keyof typeof BLOCKS;

/** Bytes of `values` consecutive values. Throws `invalid_shape` unless they fill whole blocks. */
export function blockBytes(type: BlockType, values: number): number {
  const layout = BLOCKS[type];
  if (values % layout.values !== 0) {
    throw new OutriderError(
      "invalid_shape",
      `${type} holds values in blocks of ${layout.values}, got ${values} values`,
    );
  }
  return (values / layout.values) * layout.bytes;
}

/**
 * The `count` f32 values that the blocks stand for, rounded once as ggml's own dequantisers do.
 * Throws `invalid_shape` when the bytes are not exactly those of `count` values.
 */
export function dequantise(type: BlockType, bytes: Uint8Array, count: number): Float32Array {
  const expected = blockBytes(type, count);
  if (bytes.length !== expected) {
    throw new OutriderError("invalid_shape", `${count} values of ${type} are ${expected} bytes, got ${bytes.length}`);
  }
  const out = new Float32Array(count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { values, bytes: step, read } = BLOCKS[type];
  for (let n = 0, at = 0; n < count; n += values, at += step) read(view, at, out, n);
  return out;
}
