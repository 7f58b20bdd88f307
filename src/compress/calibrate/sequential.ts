/**
 * Calibration block by block, as SparseGPT (Frantar and Alistarh 2023), Wanda and GPTQ do it: statistics of all matrices of a
 * block from its uncompressed weights, fed with what the compressed blocks before it give; then all its matrices are
 * solved; then the block runs again, compressed, for the next.
 */
import type { FloatLlama, Window } from "./float-llama.ts";
import type { BlockTensor } from "./shape.ts";
import { type BlockStatistics, blockStatistics, type Wanted } from "./statistics.ts";

/** The new values of those of a block's tensors that change. */
export type Solution = ReadonlyMap<BlockTensor, Float32Array>;

/** What a solver sees: the block's number, its statistics and its weights, (rows, cols) each. */
export type Solver = (
  layer: number,
  statistics: BlockStatistics,
  weights: (suffix: BlockTensor) => Float32Array,
) => Solution | Promise<Solution>;

/** Leaves the solved weights in `llama`. Called after each block, `done` may stop the work by throwing. */
export async function compressSequentially(
  llama: FloatLlama,
  windows: readonly Window[],
  wanted: Wanted,
  solve: Solver,
  done: (layer: number) => void = () => {},
): Promise<void> {
  const hidden = llama.embed(windows);
  try {
    for (let layer = 0; layer < llama.config.layers; layer++) {
      const statistics = await blockStatistics(llama, layer, hidden, wanted);
      const solution = await solve(layer, statistics, (suffix) => llama.weights(layer, suffix).slice());
      for (const [suffix, values] of solution) llama.setWeights(layer, suffix, values);
      if (layer + 1 < llama.config.layers) await llama.runBlock(layer, hidden);
      done(layer);
    }
  } finally {
    llama.releaseHidden(hidden);
  }
}
