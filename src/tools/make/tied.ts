/**
 * Heads that are the embedding once more. Converters to GGUF may store the head of a tied model a second time, in
 * another precision. A draft would pay for both.
 */
import type { Gguf } from "../../core/format/gguf.ts";
import { readLlamaTensor } from "../../core/format/gguf-llama.ts";
import { dequantise } from "../../core/model/blocks.ts";
import type { LlamaConfig } from "../../core/model/config.ts";
import { EMBEDDING, HEAD } from "../../core/model/tensors.ts";

/** Rows that are compared. */
const ROWS = 64;
/** Two roundings of the same values differ by less than this share of them; other heads differ by more than all. */
const SHARE = 0.1;

/** Whether the head of an untied model in a GGUF file is its embedding, rounded otherwise. */
export async function isStoredTwice(gguf: Gguf, config: LlamaConfig): Promise<boolean> {
  const { vocabulary: rows, embedding: cols } = config;
  const values = async (name: string): Promise<Float32Array> => {
    const { type, bytes } = await readLlamaTensor(gguf, config, { name, rows, cols });
    return dequantise(type, bytes.subarray(0, (bytes.length / rows) * ROWS), ROWS * cols);
  };
  const [embedding, head] = [await values(EMBEDDING), await values(HEAD)];
  const square = (sum: number, value: number) => sum + value * value;
  const differs = embedding.map((value, n) => value - head[n]!).reduce(square, 0);
  return differs < SHARE ** 2 * embedding.reduce(square, 0);
}
