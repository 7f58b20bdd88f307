/** The gradient of one Llama block over one window: backwards through what block.ts computes. */
import { attentionBackward } from "./attention.ts";
import type { Workspace } from "./block.ts";
import { type CalibrationKernels, columnsAt, rowsAt } from "./kernels.ts";
import type { BlockAddresses, RopeTables, Shape } from "./shape.ts";

/** What the forward pass saves of a block. */
interface Saved {
  readonly input: number; // (T, E)
  readonly qkv: number;
  readonly mixed: number;
  readonly middle: number;
  readonly gateUp: number;
}

export const savedBytes = ({ T, E, F, H, D, W }: Shape): Record<keyof Saved, number> => ({
  input: 4 * T * E,
  qkv: 4 * T * W,
  mixed: 4 * T * H * D,
  middle: 4 * T * E,
  gateUp: 8 * T * F,
});

/**
 * The factors of each matrix's gradient dYᵀ · X, and the norms' gradients. `mixed`, which is also an X, is in `Saved`.
 */
interface Tape {
  readonly attentionIn: number; // (T, E)
  readonly dQkv: number; // (T, W)
  readonly dMiddle: number; // (T, E)
  readonly feedForwardIn: number; // (T, E)
  readonly dGateUp: number; // (T, 2F)
  readonly act: number; // (T, F)
  readonly dOut: number; // (T, E)
  readonly dAttentionNorm: number; // (E)
  readonly dFeedForwardNorm: number; // (E)
}

export const tapeBytes = ({ T, E, F, W }: Shape): Record<keyof Tape, number> => ({
  attentionIn: 4 * T * E,
  dQkv: 4 * T * W,
  dMiddle: 4 * T * E,
  feedForwardIn: 4 * T * E,
  dGateUp: 8 * T * F,
  act: 4 * T * F,
  dOut: 4 * T * E,
  dAttentionNorm: 4 * E,
  dFeedForwardNorm: 4 * E,
});

interface BackwardWorkspace extends Workspace {
  readonly dScores: number;
  /** Gradient of a matrix's input: (T, the widest of E, F, H · D). */
  readonly dInput: number;
}

/** On entry `d` (T, E) is the gradient of the block's output, afterwards that of its input. Fills the tape. */
export function backwardBlock(
  kernels: CalibrationKernels,
  shape: Shape,
  weights: BlockAddresses,
  saved: Saved,
  d: number,
  tape: Tape,
  rope: RopeTables,
  { scores, dScores, dInput, work }: BackwardWorkspace,
): void {
  const { T, E, F, H, G, D, W, epsilon } = shape;
  kernels.clear(tape.dAttentionNorm, 4 * E);
  kernels.clear(tape.dFeedForwardNorm, 4 * E);
  kernels.rmsNorm(saved.input, weights.attentionNorm, E, T, epsilon, tape.attentionIn);
  kernels.rmsNorm(saved.middle, weights.feedForwardNorm, E, T, epsilon, tape.feedForwardIn);
  kernels.swiglu(saved.gateUp, F, T, tape.act);

  kernels.copy(tape.dOut, d, 4 * T * E);
  kernels.gemm(T, F, E, rowsAt(d, 4 * E), columnsAt(weights.down, 4 * F), rowsAt(dInput, 4 * F), work);
  kernels.swigluBackward(saved.gateUp, dInput, F, T, tape.dGateUp);
  kernels.gemm(T, E, 2 * F, rowsAt(tape.dGateUp, 8 * F), columnsAt(weights.gateUp, 4 * E), rowsAt(dInput, 4 * E), work);
  kernels.rmsNormBackward(saved.middle, weights.feedForwardNorm, dInput, E, T, epsilon, d, tape.dFeedForwardNorm);

  kernels.copy(tape.dMiddle, d, 4 * T * E);
  kernels.gemm(T, H * D, E, rowsAt(d, 4 * E), columnsAt(weights.o, 4 * H * D), rowsAt(dInput, 4 * H * D), work);
  attentionBackward(kernels, shape, saved.qkv, dInput, tape.dQkv, scores, dScores, work);
  kernels.rotate(tape.dQkv, H + G, D, T, 4 * W, rope.cos, rope.sin, -1);
  kernels.gemm(T, E, W, rowsAt(tape.dQkv, 4 * W), columnsAt(weights.qkv, 4 * E), rowsAt(dInput, 4 * E), work);
  kernels.rmsNormBackward(saved.input, weights.attentionNorm, dInput, E, T, epsilon, d, tape.dAttentionNorm);
}
