/** The gradient of one Llama block over one window: backwards through what block.ts computes. */
import { attentionBackward } from "./attention.ts";
import type { Workspace } from "./block.ts";
import { type CalibrationKernels, columnsAt, rowsAt } from "./kernels.ts";
import { finishQkvBackward } from "./qkv.ts";
import { activationBytes, type BlockAddresses, type RopeTables, type Shape } from "./shape.ts";

/** What the forward pass saves of a block. */
interface Saved {
  readonly input: number; // (T, E)
  readonly bare: number;
  readonly qkv: number;
  readonly mixed: number;
  readonly middle: number;
  readonly gateUp: number;
}

export function savedBytes(shape: Shape): Record<keyof Saved, number> {
  const { bare, qkv, mixed, middle, gateUp } = activationBytes(shape);
  return { input: 4 * shape.T * shape.E, bare, qkv, mixed, middle, gateUp };
}

/**
 * The factors of each matrix's gradient dYᵀ · X, and the gradients of norms and biases. `mixed`, which is also an X,
 * is in `Saved`.
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
  readonly dQkvBias: number; // (W)
  readonly dQueryNorm: number; // (D)
  readonly dKeyNorm: number; // (D)
}

/** The gradients of vectors in a tape: where each vector lies in a block, and how many floats it has. */
export const vectorGradients = ({ E, D, W, qkvBias, qkNorm }: Shape) =>
  [
    { gradient: "dAttentionNorm", vector: "attentionNorm", floats: E },
    { gradient: "dFeedForwardNorm", vector: "feedForwardNorm", floats: E },
    { gradient: "dQkvBias", vector: "qkvBias", floats: qkvBias ? W : 0 },
    { gradient: "dQueryNorm", vector: "queryNorm", floats: qkNorm ? D : 0 },
    { gradient: "dKeyNorm", vector: "keyNorm", floats: qkNorm ? D : 0 },
  ] as const;

export function tapeBytes(shape: Shape): Record<keyof Tape, number> {
  const { T, E, F, W } = shape;
  return {
    attentionIn: 4 * T * E,
    dQkv: 4 * T * W,
    dMiddle: 4 * T * E,
    feedForwardIn: 4 * T * E,
    dGateUp: 8 * T * F,
    act: 4 * T * F,
    dOut: 4 * T * E,
    ...Object.fromEntries(vectorGradients(shape).map(({ gradient, floats }) => [gradient, 4 * floats])),
  } as Record<keyof Tape, number>;
}

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
  const { T, E, F, H, D, W, epsilon } = shape;
  for (const { gradient, floats } of vectorGradients(shape)) kernels.clear(tape[gradient], 4 * floats);
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
  finishQkvBackward(kernels, shape, weights, saved.bare, tape.dQkv, tape, rope, dInput);
  kernels.gemm(T, E, W, rowsAt(tape.dQkv, 4 * W), columnsAt(weights.qkv, 4 * E), rowsAt(dInput, 4 * E), work);
  kernels.rmsNormBackward(saved.input, weights.attentionNorm, dInput, E, T, epsilon, d, tape.dAttentionNorm);
}
