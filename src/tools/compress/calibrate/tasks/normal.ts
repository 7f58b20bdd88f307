/**
 * The sums of normal equations over slots of residual.ts: with x the first F columns of a row and r the other E, Σ x xᵀ
 * and Σ r xᵀ. Sums within a window are f32, sums over windows f64, in the order of the windows. A part is a stripe of
 * rows of these sums.
 */
import { columnsAt, rowsAt } from "../passes/kernels.ts";
import { layOut } from "../passes/lay-out.ts";
import type { Shape } from "../passes/shape.ts";
import { residualSlotBytes } from "./residual.ts";
import type { Work } from "./work.ts";

export interface NormalTask {
  readonly kind: "normal";
  readonly shape: Shape;
  readonly windows: number;
  readonly slots: number;
  /** (F + E, F) f64, added to; of the first F rows only at and below the diagonal. */
  readonly sums: number;
}

const STRIPE = 192;

export const normalParts = ({ E, F }: Shape): number => Math.ceil((F + E) / STRIPE);

const sizes = ({ F }: Shape, work: number) => ({ products: 4 * STRIPE * F, work });

export const normalWork: Work<NormalTask> = {
  scratchBytes: ({ shape }, work) => layOut(0, sizes(shape, work)).end,

  run({ kernels, scratch }, { shape, windows, slots, sums }, part) {
    const { T, E, F } = shape;
    const { products, work } = layOut(scratch, sizes(shape, kernels.gemmWorkBytes())).at;
    // The last stripes are the longest, and come first, so that threads end together.
    const first = (normalParts(shape) - 1 - part) * STRIPE;
    const end = Math.min(F + E, first + STRIPE);
    const cols = Math.min(end, F);
    const step = 4 * (F + E);
    for (let window = 0; window < windows; window++) {
      const x = slots + window * residualSlotBytes(shape);
      const out = rowsAt(products, 4 * cols);
      kernels.gemm(end - first, cols, T - 1, columnsAt(x + 4 * first, step), columnsAt(x, step), out, work);
      for (let row = first; row < end; row++) {
        kernels.addDoubles(products + (row - first) * 4 * cols, cols, sums + 8 * row * F);
      }
    }
  },
};
