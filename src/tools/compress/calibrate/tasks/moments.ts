/**
 * Second moments of a block's queries and keys behind RoPE, by key/value head; a part is a window. The windows' hidden
 * states stay as they are.
 */
import { scoreBytes } from "../passes/attention.ts";
import { forwardToAct } from "../passes/block.ts";
import { align, layOut } from "../passes/lay-out.ts";
import { activationBytes, type BlockAddresses, type RopeTables, type Shape } from "../passes/shape.ts";
import type { Work } from "./work.ts";

export interface MomentsTask {
  readonly kind: "moments";
  readonly shape: Shape;
  readonly weights: BlockAddresses;
  readonly rope: RopeTables;
  /** (windows, T, E) */
  readonly hidden: number;
  /** Slots of `momentDoubles` f64, one a window. */
  readonly slots: number;
}

/** Of each key/value head: Σ q qᵀ (D, D) over the group's queries, Σ k kᵀ (D, D), Σ k (D). */
export const momentDoubles = ({ G, D }: Shape): number => G * (2 * D * D + D);

const sizes = (shape: Shape, work: number) => ({
  ...activationBytes(shape),
  x: 4 * shape.T * shape.E,
  scores: scoreBytes(shape),
  work,
});

export const momentsWork: Work<MomentsTask> = {
  scratchBytes: ({ shape }, work) => layOut(0, sizes(shape, work)).end,

  run({ kernels, memory, scratch }, { shape, weights, rope, hidden, slots }, window) {
    const { T, E, H, G, D, W } = shape;
    const at = layOut(scratch, sizes(shape, kernels.gemmWorkBytes())).at;
    kernels.copy(at.x, hidden + window * align(4 * T * E), 4 * T * E);
    forwardToAct(kernels, shape, weights, at.x, at, rope, at);
    const qkv = new Float32Array(memory.buffer, at.qkv, T * W);
    const sums = new Float64Array(memory.buffer, slots + 8 * window * momentDoubles(shape), momentDoubles(shape)).fill(
      0,
    );
    const each = 2 * D * D + D;
    for (let t = 0; t < T; t++) {
      for (let h = 0; h < H; h++) addSquare(qkv, t * W + h * D, D, sums, Math.floor(h / (H / G)) * each);
      for (let g = 0; g < G; g++) {
        const key = t * W + (H + g) * D;
        addSquare(qkv, key, D, sums, g * each + D * D);
        for (let d = 0; d < D; d++) sums[g * each + 2 * D * D + d]! += qkv[key + d]!;
      }
    }
  },
};

/** sums (D, D) from `to` += x xᵀ. */
function addSquare(values: Float32Array, from: number, D: number, sums: Float64Array, to: number): void {
  for (let i = 0; i < D; i++) {
    const x = values[from + i]!;
    for (let j = 0; j < D; j++) sums[to + i * D + j]! += x * values[from + j]!;
  }
}
