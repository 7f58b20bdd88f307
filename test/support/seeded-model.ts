/**
 * A model whose weights follow from its tensors' names, as test/golden/make_forward.py makes them: whole numbers of
 * at most 127 times a power of two, the first of each 32 columns the largest. The format q8 holds each of them exactly.
 */
import type { PackedModel, PackedTensor } from "../../src/core/format/pack.ts";
import type { LlamaConfig } from "../../src/core/model/config.ts";
import { EMBEDDING, HEAD, type TensorShape, tensorShapes } from "../../src/core/model/tensors.ts";
import { floatTensor } from "../../src/tools/compress/rounding/tensors.ts";
import { seededIntegers } from "./random.ts";

/** FNV-1a of a name. */
const hash = (name: string): number =>
  [...name].reduce((state, letter) => Math.imul(state ^ letter.charCodeAt(0), 0x01000193) >>> 0, 0x811c9dc5);

/** The model in f32, with the tokenizer of `tiny`. */
export function seededModel(tiny: PackedModel, config: LlamaConfig, seed: number): PackedModel {
  const tensors = new Map(tensorShapes(config).map((shape) => [shape.name, seededTensor(shape, seed)]));
  return { ...tiny, config, vocabulary: { ...tiny.vocabulary, size: config.vocabulary }, tensors };
}

function seededTensor({ name, rows, cols }: TensorShape, seed: number): PackedTensor {
  const draw = seededIntegers(hash(name) + seed);
  const unit = name === EMBEDDING || name === HEAD ? 128 : 512;
  const values = Float32Array.from({ length: rows * cols }, (_, i) => {
    const drawn = draw();
    const n = (drawn % 255) - 127;
    if (rows === 1) return name.endsWith(".bias") ? n / 32 : 1 + n / 256;
    return (i % 32 > 0 ? n : drawn >= 2 ** 31 ? 127 : -127) / unit;
  });
  return floatTensor(values, rows, cols);
}
