/**
 * Lee et al. 2024, InfiniGen (arXiv 2406.19707), section 4.2: the queries of a layer, from the input of the layer
 * before it. The residual stream changes slowly, so they are near the true ones.
 */
import type { Kernels } from "../../kernels/abi.ts";
import { type Floats, floatsAfter } from "../../kernels/address.ts";
import type { LlamaConfig } from "../../model/config.ts";
import type { Weights } from "../forward.ts";
import { multiplyMatrix } from "../matrix.ts";
import type { Scratch } from "../memory-plan.ts";

/** Writes to `out` (T, H·D) the queries of layer `layer`, from T rows of `x` from row `row` on; overwrites `act`. */
export function foretellQueries(
  kernels: Kernels,
  { embedding: E, headSize: D, normEpsilon }: LlamaConfig,
  { blocks, activations }: Weights,
  { x, act, rope, matmul }: Scratch,
  layer: number,
  row: number,
  T: number,
  out: Floats,
): void {
  const { heads: H, attentionNorm, qkv, qkvBias, qkNorm } = blocks[layer]!;
  const queries = { ...qkv[0]!, rows: H * D };
  kernels.rmsnormQuantise(floatsAfter(x, row * E), attentionNorm, E, T, normEpsilon, act);
  multiplyMatrix(kernels, queries, activations, act, T, out, H * D, 0, matmul);
  if (qkvBias) kernels.addBias(out, qkvBias[0]!, H * D, T, H * D);
  if (qkNorm) kernels.normHeads(out, qkNorm.q, H, D, T, H * D, normEpsilon);
  kernels.rope(out, H, D, T, H * D, floatsAfter(rope, row * D));
}
