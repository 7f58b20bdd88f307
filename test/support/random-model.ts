/**
 * A Llama of any shape with random weights in f32 and the tiny model's tokenizer, for what the tiny model is too small
 * for.
 */
import type { PackedModel, PackedTensor } from "../../src/core/format/pack.ts";
import type { LlamaConfig } from "../../src/core/model/config.ts";
import { tensorShapes } from "../../src/core/model/tensors.ts";
import { normal, seeded } from "./random.ts";

/** `tiny` in another shape. Rows keep the length of what they multiply; norms are about one. */
export function randomModel(tiny: PackedModel, shape: Partial<LlamaConfig>, seed: number): PackedModel {
  const config = { ...tiny.config, ...shape };
  const random = seeded(seed);
  const tensors = new Map<string, PackedTensor>();
  for (const { name, rows, cols } of tensorShapes(config)) {
    const scale = rows === 1 ? 0.2 : 1 / Math.sqrt(cols);
    const values = Float32Array.from({ length: rows * cols }, () => normal(random) * scale + (rows === 1 ? 1 : 0));
    tensors.set(name, { format: "f32", rows, cols, bytes: new Uint8Array(values.buffer) });
  }
  return { ...tiny, config, tensors };
}
