/**
 * Calibration block by block, as SparseGPT (Frantar and Alistarh 2023), Wanda and GPTQ do it: statistics of all
 * matrices of a block from its uncompressed weights, fed with what the compressed blocks before it give; then all its
 * matrices are solved; then the block runs again, compressed, for the next.
 */
import { decodeTensor } from "../../model/decode.ts";
import type { FloatLlama, Window } from "../float-llama.ts";
import type { BlockTensor } from "../passes/shape.ts";
import type { Solution } from "./solution.ts";
import { type BlockStatistics, blockStatistics, type Wanted } from "./statistics.ts";

/** What a solver sees: the block's number, its statistics and its weights, (rows, cols) each. */
export type Solver = (
  layer: number,
  statistics: BlockStatistics,
  weights: (suffix: BlockTensor) => Float32Array,
) => Solution | Promise<Solution>;

/**
 * Solves the blocks that `known`, solutions of the first ones, does not hold. `solved` is called with each new solution
 * and may stop the work by rejecting. Leaves the values that the solutions stand for in `llama`.
 */
export async function compressSequentially(
  llama: FloatLlama,
  windows: readonly Window[],
  wanted: Wanted,
  solve: Solver,
  known: readonly Solution[] = [],
  solved: (layer: number, solution: Solution) => Promise<void> = async () => {},
): Promise<void> {
  const { layers } = llama.config;
  const put = (layer: number, solution: Solution): void => {
    for (const [suffix, tensor] of solution) llama.setWeights(layer, suffix, decodeTensor(tensor, tensor.bytes));
  };
  for (const [layer, solution] of known.entries()) put(layer, solution);
  if (known.length === layers) return;
  const hidden = llama.embed(windows);
  try {
    for (let layer = 0; layer < layers; layer++) {
      if (layer >= known.length) {
        const statistics = await blockStatistics(llama, layer, hidden, wanted);
        const solution = await solve(layer, statistics, (suffix) => llama.weights(layer, suffix).slice());
        put(layer, solution);
        await solved(layer, solution);
      }
      if (layer + 1 < layers) await llama.runBlock(layer, hidden);
    }
  } finally {
    llama.releaseHidden(hidden);
  }
}
