/**
 * Calibration block by block, as SparseGPT (Frantar and Alistarh 2023) and Wanda do it. The windows come out of
 * the compressed blocks before. Statistics of all matrices of a block are taken with its uncompressed weights; then its
 * matrices are solved; then the compressed block runs, for the next one.
 */
import type { BlockSuffix } from "../../../../core/model/tensors.ts";
import type { FloatLlama, Window } from "../float-llama.ts";
import { putSolution, type Solution } from "./solution.ts";
import { type BlockStatistics, blockStatistics, type Wanted } from "./statistics.ts";

/** What a solver sees: the block's number, its statistics and its weights, (rows, cols) each. */
export type Solver = (
  layer: number,
  statistics: BlockStatistics,
  weights: (suffix: BlockSuffix) => Float32Array,
) => Solution | Promise<Solution>;

/**
 * Solves the blocks after those in `known`, which are solutions of the first blocks. Calls `solved` with each new
 * solution, and stops if that rejects. Leaves the solved values in `llama`.
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
  for (const [layer, solution] of known.entries()) putSolution(llama, layer, solution);
  if (known.length === layers) return;
  const hidden = llama.embed(windows);
  try {
    for (let layer = 0; layer < layers; layer++) {
      if (layer >= known.length) {
        const statistics = await blockStatistics(llama, layer, hidden, wanted);
        const solution = await solve(layer, statistics, (suffix) => llama.weights(layer, suffix).slice());
        putSolution(llama, layer, solution);
        await solved(layer, solution);
      }
      if (layer + 1 < layers) await llama.runBlock(layer, hidden);
    }
  } finally {
    llama.releaseHidden(hidden);
  }
}
