/** The forward pass of a block over windows, in place; a part is a window. */

import { scoreBytes } from "../passes/attention.ts";
import { forwardDown, forwardToAct } from "../passes/block.ts";
import { savedBytes } from "../passes/block-backward.ts";
import { align, layOut } from "../passes/lay-out.ts";
import { activationBytes, type BlockAddresses, type RopeTables, type Shape } from "../passes/shape.ts";
import type { Work } from "./work.ts";

export interface ForwardTask {
  readonly kind: "forward";
  readonly shape: Shape;
  readonly weights: BlockAddresses;
  readonly rope: RopeTables;
  /** (windows, T, E) */
  readonly hidden: number;
  /** (windows) f64: sums over tokens of the cosine between the block's input and output. */
  readonly cosines: number;
  /** Slots for what the backward pass needs, one per window. */
  readonly saved?: number;
}

/** Bytes of a window's slot of `saved`. */
export const savedSlotBytes = (shape: Shape): number => layOut(0, savedBytes(shape)).end;

const sizes = (shape: Shape, work: number) => ({
  ...activationBytes(shape),
  input: 4 * shape.T * shape.E,
  scores: scoreBytes(shape),
  work,
});

export const forwardWork: Work<ForwardTask> = {
  scratchBytes: ({ shape }, work) => layOut(0, sizes(shape, work)).end,

  run({ kernels, memory, scratch }, { shape, weights, rope, hidden, cosines, saved }, window) {
    const { T, E } = shape;
    const own = layOut(scratch, sizes(shape, kernels.gemmWorkBytes())).at;
    const kept = saved === undefined ? {} : layOut(saved + window * savedSlotBytes(shape), savedBytes(shape)).at;
    const at = { ...own, ...kept };
    const x = hidden + window * align(4 * T * E);
    kernels.copy(at.input, x, 4 * T * E);
    forwardToAct(kernels, shape, weights, x, at, rope, at);
    forwardDown(kernels, shape, weights, x, at.act, at.work);
    new Float64Array(memory.buffer)[cosines / 8 + window] = kernels.cosines(at.input, x, E, T);
  },
};
