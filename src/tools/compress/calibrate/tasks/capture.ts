/**
 * The inputs of a block's matrices over windows; a part is a window. The windows' hidden states stay as they are, and
 * the last matrix is not multiplied, because nothing needs its output.
 */

import { scoreBytes } from "../passes/attention.ts";
import { forwardToAct } from "../passes/block.ts";
import { align, layOut } from "../passes/lay-out.ts";
import { activationBytes, type BlockAddresses, type RopeTables, type Shape } from "../passes/shape.ts";
import type { Work } from "./work.ts";

/** The four inputs of a block's matrices. */
export type Input = "qkv" | "o" | "gateUp" | "down";

/** Where each input lies among the activations, and how wide it is. */
export const inputsOf = ({ E, F, H, D }: Shape) =>
  [
    { input: "qkv", activation: "attentionIn", cols: E },
    { input: "o", activation: "mixed", cols: H * D },
    { input: "gateUp", activation: "feedForwardIn", cols: E },
    { input: "down", activation: "act", cols: F },
  ] as const;

export interface CaptureTask {
  readonly kind: "capture";
  readonly shape: Shape;
  readonly weights: BlockAddresses;
  readonly rope: RopeTables;
  /** (windows, T, E) */
  readonly hidden: number;
  /** Slots for the inputs, one a window; without them only the squares are kept. */
  readonly inputs?: number;
  /** Slots of squares, one a window. */
  readonly squares: number;
}

/** The inputs in a window's slot. */
export function inputBytes(shape: Shape) {
  const { attentionIn, mixed, feedForwardIn, act } = activationBytes(shape);
  return { attentionIn, mixed, feedForwardIn, act };
}
export const inputSlotBytes = (shape: Shape): number => layOut(0, inputBytes(shape)).end;

/** Σ over tokens of x² of each column, f64, of each input. */
export function squareBytes({ E, F, H, D }: Shape): Record<Input, number> {
  return { qkv: 8 * E, o: 8 * H * D, gateUp: 8 * E, down: 8 * F };
}
export const squareSlotBytes = (shape: Shape): number => layOut(0, squareBytes(shape)).end;

const sizes = (shape: Shape, work: number) => ({
  ...activationBytes(shape),
  x: 4 * shape.T * shape.E,
  scores: scoreBytes(shape),
  work,
});

export const captureWork: Work<CaptureTask> = {
  scratchBytes: ({ shape }, work) => layOut(0, sizes(shape, work)).end,

  run({ kernels, scratch }, { shape, weights, rope, hidden, inputs, squares }, window) {
    const { T, E } = shape;
    const own = layOut(scratch, sizes(shape, kernels.gemmWorkBytes())).at;
    const kept = inputs === undefined ? {} : layOut(inputs + window * inputSlotBytes(shape), inputBytes(shape)).at;
    const at = { ...own, ...kept };
    kernels.copy(at.x, hidden + window * align(4 * T * E), 4 * T * E);
    forwardToAct(kernels, shape, weights, at.x, at, rope, at);
    const slot = squares + window * squareSlotBytes(shape);
    kernels.clear(slot, squareSlotBytes(shape));
    const sums = layOut(slot, squareBytes(shape)).at;
    for (const { input, activation, cols } of inputsOf(shape)) {
      kernels.columnSquares(at[activation], cols, T, sums[input]);
    }
  },
};
