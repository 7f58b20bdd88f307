/** The loss of a window and its gradient at the last block's output; a part is a window. */

import { LOGIT_STEP, slices } from "../passes/head.ts";
import { type HeadLoss, lossBytes, windowLoss, windowOf } from "../passes/head-loss.ts";
import { columnsAt, rowsAt } from "../passes/kernels.ts";
import { align, layOut } from "../passes/lay-out.ts";
import type { Work } from "./work.ts";

export interface HeadBackwardTask extends HeadLoss {
  readonly kind: "head-backward";
  /** (windows) f64: the mean over positions 1 … T − 1. */
  readonly losses: number;
  /** (windows, T, E) */
  readonly d: number;
  /** (windows, E) */
  readonly dNorm: number;
}

const sizes = (task: HeadBackwardTask, work: number) => ({
  ...lossBytes(task),
  dNormed: 4 * task.shape.T * task.shape.E,
  work,
});

export const headBackwardWork: Work<HeadBackwardTask> = {
  scratchBytes: (task, work) => layOut(0, sizes(task, work)).end,

  run({ kernels, memory, scratch }, task, window) {
    const { shape, head, hidden, losses, d, dNorm } = task;
    const { T, E, epsilon } = shape;
    const at = layOut(scratch, sizes(task, kernels.gemmWorkBytes())).at;
    const { loss, rows, slope } = windowLoss(kernels, memory, task, window, at);
    new Float64Array(memory.buffer)[losses / 8 + window] = loss;

    kernels.clear(at.dNormed, 4 * rows * E);
    for (const slice of slices(head)) {
      slope(slice);
      const weights = head.weights + 4 * slice.first * E;
      kernels.gemmAdd(
        rows,
        E,
        slice.cols,
        rowsAt(at.logits, LOGIT_STEP),
        columnsAt(weights, 4 * E),
        rowsAt(at.dNormed, 4 * E),
        at.work,
      );
    }
    const dx = windowOf(d, shape, window);
    const dWeight = dNorm + window * align(4 * E);
    kernels.clear(dx, 4 * T * E);
    kernels.clear(dWeight, 4 * E);
    kernels.rmsNormBackward(windowOf(hidden, shape, window), head.norm, at.dNormed, E, rows, epsilon, dx, dWeight);
  },
};
