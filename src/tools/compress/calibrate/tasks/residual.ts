/**
 * What a block's down projection multiplies, and what its output then lacks of a wanted residual stream; a part is a
 * window. The windows' hidden states stay as they are.
 *
 * Each position is divided by the root mean square of its wanted state, because the RMSNorm that reads the state does
 * the same. The first position is left out: it is an attention sink, whose values are hundreds of times larger and mean
 * nothing.
 */
import { scoreBytes } from "../passes/attention.ts";
import { forwardDown, forwardToAct } from "../passes/block.ts";
import { align, layOut } from "../passes/lay-out.ts";
import { activationBytes, type BlockAddresses, type RopeTables, type Shape } from "../passes/shape.ts";
import type { Work } from "./work.ts";

export interface ResidualTask {
  readonly kind: "residual";
  readonly shape: Shape;
  readonly weights: BlockAddresses;
  readonly rope: RopeTables;
  /** (windows, T, E): what enters the block. */
  readonly hidden: number;
  /** (windows, T, E): the residual stream that is wanted behind it. */
  readonly wanted: number;
  /** Slots (T − 1, F + E), one a window: the input of `down`, then wanted − output. */
  readonly slots: number;
}

export const residualSlotBytes = ({ T, E, F }: Shape): number => align(4 * (T - 1) * (F + E));

/** Keeps the weight of a state of zeros finite. */
const LEAST_SQUARE = 1e-6;

const sizes = (shape: Shape, work: number) => ({
  ...activationBytes(shape),
  x: 4 * shape.T * shape.E,
  scores: scoreBytes(shape),
  work,
});

export const residualWork: Work<ResidualTask> = {
  scratchBytes: ({ shape }, work) => layOut(0, sizes(shape, work)).end,

  run({ kernels, memory, scratch }, { shape, weights, rope, hidden, wanted, slots }, window) {
    const { T, E, F } = shape;
    const at = layOut(scratch, sizes(shape, kernels.gemmWorkBytes())).at;
    const own = window * align(4 * T * E);
    kernels.copy(at.x, hidden + own, 4 * T * E);
    forwardToAct(kernels, shape, weights, at.x, at, rope, at);
    forwardDown(kernels, shape, weights, at.x, at.act, at.work);
    const floats = (from: number, count: number) => new Float32Array(memory.buffer, from, count);
    const act = floats(at.act, T * F);
    const output = floats(at.x, T * E);
    const goal = floats(wanted + own, T * E);
    const out = floats(slots + window * residualSlotBytes(shape), (T - 1) * (F + E));
    for (let t = 1; t < T; t++) {
      let squares = 0;
      for (let e = t * E; e < (t + 1) * E; e++) squares += goal[e]! * goal[e]!;
      const weight = 1 / Math.sqrt(squares / E + LEAST_SQUARE);
      const row = (t - 1) * (F + E);
      for (let f = 0; f < F; f++) out[row + f] = weight * act[t * F + f]!;
      for (let e = 0; e < E; e++) out[row + F + e] = weight * (goal[t * E + e]! - output[t * E + e]!);
    }
  },
};
