/**
 * H = Σ x xᵀ over tokens, for each input of a block. Sums within a window are f32, sums over windows f64, in the order
 * of the windows. A part is a stripe of rows of one input, up to the diagonal.
 */
import { columnsAt, rowsAt } from "../passes/kernels.ts";
import { layOut } from "../passes/lay-out.ts";
import type { Shape } from "../passes/shape.ts";
import { type Input, inputBytes, inputSlotBytes, inputsOf } from "./capture.ts";
import type { Work } from "./work.ts";

export interface GramTask {
  readonly kind: "gram";
  readonly shape: Shape;
  readonly windows: number;
  /** Slots of inputs, one a window. */
  readonly inputs: number;
  /** (cols, cols) f64 of each input, added to at and below the diagonal. */
  readonly grams: Readonly<Record<Input, number>>;
}

const STRIPE = 192;

/** The largest first, so that threads end together. */
function stripes(shape: Shape) {
  return inputsOf(shape)
    .flatMap((of) =>
      Array.from({ length: Math.ceil(of.cols / STRIPE) }, (_, n) => {
        const first = n * STRIPE;
        return { ...of, first, end: Math.min(of.cols, first + STRIPE) };
      }),
    )
    .sort((a, b) => b.end - a.end);
}

export const gramParts = (shape: Shape): number => stripes(shape).length;

const sizes = ({ E, F, H, D }: Shape, work: number) => ({ products: 4 * STRIPE * Math.max(E, F, H * D), work });

export const gramWork: Work<GramTask> = {
  scratchBytes: ({ shape }, work) => layOut(0, sizes(shape, work)).end,

  run({ kernels, scratch }, { shape, windows, inputs, grams }, part) {
    const { products, work } = layOut(scratch, sizes(shape, kernels.gemmWorkBytes())).at;
    const { input, activation, cols, first, end } = stripes(shape)[part]!;
    for (let window = 0; window < windows; window++) {
      const x = layOut(inputs + window * inputSlotBytes(shape), inputBytes(shape)).at[activation];
      kernels.gemm(
        end - first,
        end,
        shape.T,
        columnsAt(x + 4 * first, 4 * cols),
        columnsAt(x, 4 * cols),
        rowsAt(products, 4 * end),
        work,
      );
      for (let row = first; row < end; row++) {
        kernels.addDoubles(products + (row - first) * 4 * end, end, grams[input] + 8 * row * cols);
      }
    }
  },
};
