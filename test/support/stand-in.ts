/**
 * A draft that was taught nothing, for any target whose tokenizer is at hand: random weights in lut4. It has the bytes
 * and the speed of a draft of its shape, and proposes noise.
 */
import type { PackedModel, PackedTensor } from "../../src/core/format/pack.ts";
import type { DescribedTarget } from "../../src/core/format/target.ts";
import type { LlamaConfig } from "../../src/core/model/config.ts";
import { tensorBytes } from "../../src/core/model/layouts.ts";
import { tensorShapes } from "../../src/core/model/tensors.ts";
import { seeded } from "./random.ts";

type Shape = Pick<
  LlamaConfig,
  "layers" | "heads" | "kvHeads" | "headSize" | "embedding" | "feedForward" | "vocabulary"
>;

/** Bits of f16 values from 0.06 to 0.12; a codebook of them is small numbers and no infinity. */
const SMALL = 0x2c00;

export function standInDraft(target: DescribedTarget, shape: Shape, seed: number): PackedModel {
  const { model, context, vocabulary, stopIds, tokenizer } = target;
  const eosIds = [...stopIds];
  const config: LlamaConfig = {
    ...shape,
    qkvBias: true,
    context,
    ropeTheta: 1e6,
    normEpsilon: 1e-6,
    tied: true,
    bosId: eosIds[0]!,
    eosIds,
  };
  const random = seeded(seed);
  const tensors = new Map<string, PackedTensor>();
  for (const { name, rows, cols } of tensorShapes(config)) {
    const layout = { format: rows === 1 ? ("f32" as const) : ("lut4" as const), rows, cols };
    const bytes = new Uint8Array(tensorBytes(layout));
    if (rows === 1) new Float32Array(bytes.buffer).fill(name.endsWith("bias") ? 0 : 1);
    else {
      const halves = new Uint16Array(bytes.buffer);
      for (let n = 0; n < halves.length; n++) halves[n] = SMALL + (random() < 0.5 ? 0x8000 : 0) + random() * 0x400;
    }
    tensors.set(name, { ...layout, bytes });
  }
  return {
    model: "stand-in",
    config,
    vocabulary,
    target: { model, context, eosIds },
    substitutes: Array.from({ length: vocabulary.size - shape.vocabulary }, (_, n) => (7 * n) % shape.vocabulary),
    tensors,
    tokenizer,
    recipe: [{ stage: "stand-in", seed }],
  };
}
