/** One Llama block over one window, in f32. Statistics and gradients are taken from this pass. */
import { attention } from "./attention.ts";
import { type CalibrationKernels, rowsAt } from "./kernels.ts";
import { finishQkv } from "./qkv.ts";
import type { Activations, BlockAddresses, RopeTables, Shape } from "./shape.ts";

export interface Workspace {
  readonly scores: number;
  /** For gemm. */
  readonly work: number;
}

/** Computes the block up to the input of `down`. x (T, E) becomes the residual stream after attention. */
export function forwardToAct(
  kernels: CalibrationKernels,
  shape: Shape,
  weights: BlockAddresses,
  x: number,
  out: Activations,
  rope: RopeTables,
  { scores, work }: Workspace,
): void {
  const { T, E, F, H, D, W, epsilon } = shape;
  kernels.rmsNorm(x, weights.attentionNorm, E, T, epsilon, out.attentionIn);
  kernels.gemm(T, W, E, rowsAt(out.attentionIn, 4 * E), rowsAt(weights.qkv, 4 * E), rowsAt(out.qkv, 4 * W), work);
  finishQkv(kernels, shape, weights, out.qkv, out.bare, rope);
  attention(kernels, shape, out.qkv, out.mixed, scores, work);
  kernels.gemmAdd(T, E, H * D, rowsAt(out.mixed, 4 * H * D), rowsAt(weights.o, 4 * H * D), rowsAt(x, 4 * E), work);
  kernels.copy(out.middle, x, 4 * T * E);
  kernels.rmsNorm(x, weights.feedForwardNorm, E, T, epsilon, out.feedForwardIn);
  kernels.gemm(
    T,
    2 * F,
    E,
    rowsAt(out.feedForwardIn, 4 * E),
    rowsAt(weights.gateUp, 4 * E),
    rowsAt(out.gateUp, 8 * F),
    work,
  );
  kernels.swiglu(out.gateUp, F, T, out.act);
}

/** Completes the block: x += act · downᵀ. */
export function forwardDown(
  kernels: CalibrationKernels,
  { T, E, F }: Shape,
  { down }: BlockAddresses,
  x: number,
  act: number,
  work: number,
): void {
  kernels.gemmAdd(T, E, F, rowsAt(act, 4 * F), rowsAt(down, 4 * F), rowsAt(x, 4 * E), work);
}
