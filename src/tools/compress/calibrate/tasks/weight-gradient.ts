/**
 * The gradients dYᵀ · X of a block's matrices, window after window, into their sum and the sum of their squares. A
 * window's own gradient is never whole in memory. A part is a stripe of rows of one matrix.
 */

import { savedBytes, tapeBytes } from "../passes/block-backward.ts";
import { columnsAt, rowsAt } from "../passes/kernels.ts";
import { layOut } from "../passes/lay-out.ts";
import { blockAddresses, type Shape } from "../passes/shape.ts";
import { tapeSlotBytes } from "./backward.ts";
import { savedSlotBytes } from "./forward.ts";
import type { Work } from "./work.ts";

export interface WeightGradientTask {
  readonly kind: "weight-gradient";
  readonly shape: Shape;
  readonly windows: number;
  readonly saved: number;
  readonly tapes: number;
  /** Blocks laid out as the weights are. */
  readonly sums: number;
  readonly squares: number;
}

const STRIPE = 192;

function stripes({ E, F, H, D, W }: Shape) {
  const matrices = [
    { matrix: "qkv", rows: W, cols: E, dY: "dQkv", x: "attentionIn" },
    { matrix: "o", rows: E, cols: H * D, dY: "dMiddle", x: "mixed" },
    { matrix: "gateUp", rows: 2 * F, cols: E, dY: "dGateUp", x: "feedForwardIn" },
    { matrix: "down", rows: E, cols: F, dY: "dOut", x: "act" },
  ] as const;
  return matrices.flatMap((of) =>
    Array.from({ length: Math.ceil(of.rows / STRIPE) }, (_, n) => ({ ...of, first: n * STRIPE })),
  );
}

export const weightGradientParts = (shape: Shape): number => stripes(shape).length;

const sizes = ({ E, F, H, D }: Shape, work: number) => ({ gradient: 4 * STRIPE * Math.max(E, F, H * D), work });

export const weightGradientWork: Work<WeightGradientTask> = {
  scratchBytes: ({ shape }, work) => layOut(0, sizes(shape, work)).end,

  run({ kernels, scratch }, { shape, windows, saved, tapes, sums, squares }, part) {
    const { gradient, work } = layOut(scratch, sizes(shape, kernels.gemmWorkBytes())).at;
    const { matrix, rows, cols, dY, x, first } = stripes(shape)[part]!;
    const own = Math.min(STRIPE, rows - first);
    const offset = 4 * first * cols;
    for (let window = 0; window < windows; window++) {
      const at = {
        ...layOut(saved + window * savedSlotBytes(shape), savedBytes(shape)).at,
        ...layOut(tapes + window * tapeSlotBytes(shape), tapeBytes(shape)).at,
      };
      kernels.gemm(
        own,
        cols,
        shape.T,
        columnsAt(at[dY] + 4 * first, 4 * rows),
        columnsAt(at[x], 4 * cols),
        rowsAt(gradient, 4 * cols),
        work,
      );
      const to = (block: number): number => blockAddresses(shape, block)[matrix] + offset;
      kernels.addWithSquares(gradient, own * cols, to(sums), to(squares));
    }
  },
};
