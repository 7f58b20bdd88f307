/**
 * What lies between q|k|v's product and attention: the bias (Qwen2), the norm of each head of q and k (Qwen3), RoPE;
 * forwards and backwards over one window. qkv is (T, W); `bare` (T, (H + G) · D) are queries and keys before their
 * norm.
 */
import type { CalibrationKernels } from "./kernels.ts";
import type { BlockAddresses, RopeTables, Shape } from "./shape.ts";

/** Heads of one token that share a norm: their floats from the start of a row of q|k|v, their number, their norm. */
const normed = ({ H, G, D }: Shape) =>
  [
    { first: 0, heads: H, norm: "queryNorm" },
    { first: H * D, heads: G, norm: "keyNorm" },
  ] as const;

/** The bias added, the heads normed and turned, in place. Fills `bare` where heads have norms. */
export function finishQkv(
  kernels: CalibrationKernels,
  shape: Shape,
  weights: BlockAddresses,
  qkv: number,
  bare: number,
  rope: RopeTables,
): void {
  const { T, H, G, D, W, epsilon } = shape;
  if (shape.qkvBias) kernels.addRow(qkv, weights.qkvBias, W, T);
  if (shape.qkNorm) {
    for (let t = 0; t < T; t++) {
      const row = qkv + 4 * t * W;
      const kept = bare + 4 * t * (H + G) * D;
      kernels.copy(kept, row, 4 * (H + G) * D);
      for (const { first, heads, norm } of normed(shape)) {
        kernels.rmsNorm(kept + 4 * first, weights[norm], D, heads, epsilon, row + 4 * first);
      }
    }
  }
  kernels.rotate(qkv, H + G, D, T, 4 * W, rope.cos, rope.sin, 1);
}

/** Where gradients of the small tensors are added. */
interface VectorGradients {
  readonly dQkvBias: number; // (W)
  readonly dQueryNorm: number; // (D)
  readonly dKeyNorm: number; // (D)
}

/**
 * dQkv (T, W), the gradient of what attention reads, becomes that of the product.
 * @param scratch room for (H + G) · D floats
 */
export function finishQkvBackward(
  kernels: CalibrationKernels,
  shape: Shape,
  weights: BlockAddresses,
  bare: number,
  dQkv: number,
  gradients: VectorGradients,
  rope: RopeTables,
  scratch: number,
): void {
  const { T, H, G, D, W, epsilon } = shape;
  kernels.rotate(dQkv, H + G, D, T, 4 * W, rope.cos, rope.sin, -1);
  if (shape.qkNorm) {
    const ofNorm = { queryNorm: gradients.dQueryNorm, keyNorm: gradients.dKeyNorm };
    for (let t = 0; t < T; t++) {
      const row = dQkv + 4 * t * W;
      const kept = bare + 4 * t * (H + G) * D;
      kernels.clear(scratch, 4 * (H + G) * D);
      for (const { first, heads, norm } of normed(shape)) {
        const [x, dy, dx] = [kept, row, scratch].map((at) => at + 4 * first) as [number, number, number];
        kernels.rmsNormBackward(x, weights[norm], dy, D, heads, epsilon, dx, ofNorm[norm]);
      }
      kernels.copy(row, scratch, 4 * (H + G) * D);
    }
  }
  if (shape.qkvBias) kernels.addRows(dQkv, W, T, gradients.dQkvBias);
}
