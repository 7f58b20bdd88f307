/** The backward pass of a block over windows; a part is a window. */

import { scoreBytes } from "../passes/attention.ts";
import { backwardBlock, savedBytes, tapeBytes } from "../passes/block-backward.ts";
import { align, layOut } from "../passes/lay-out.ts";
import type { BlockAddresses, RopeTables, Shape } from "../passes/shape.ts";
import { savedSlotBytes } from "./forward.ts";
import type { Work } from "./work.ts";

export interface BackwardTask {
  readonly kind: "backward";
  readonly shape: Shape;
  readonly weights: BlockAddresses;
  readonly rope: RopeTables;
  /** Slots that the forward pass saved, one a window. */
  readonly saved: number;
  /** (windows, T, E), in place. */
  readonly d: number;
  /** Slots for the factors of the weights' gradients, one per window. */
  readonly tapes: number;
}

export const tapeSlotBytes = (shape: Shape): number => layOut(0, tapeBytes(shape)).end;

const sizes = (shape: Shape, work: number) => ({
  dInput: 4 * shape.T * Math.max(shape.E, shape.F, shape.H * shape.D),
  scores: scoreBytes(shape),
  dScores: scoreBytes(shape),
  work,
});

export const backwardWork: Work<BackwardTask> = {
  scratchBytes: ({ shape }, work) => layOut(0, sizes(shape, work)).end,

  run({ kernels, scratch }, { shape, weights, rope, saved, d, tapes }, window) {
    const slot = layOut(saved + window * savedSlotBytes(shape), savedBytes(shape)).at;
    const tape = layOut(tapes + window * tapeSlotBytes(shape), tapeBytes(shape)).at;
    const workspace = layOut(scratch, sizes(shape, kernels.gemmWorkBytes())).at;
    backwardBlock(kernels, shape, weights, slot, d + window * align(4 * shape.T * shape.E), tape, rope, workspace);
  },
};
