/**
 * Shares of outliers in the blocks of a dense model, by which OWL (methods/owl.ts) distributes sparsity. One pass over
 * the windows.
 */
import { outlierShare } from "../../methods/owl.ts";
import { wandaScores } from "../../methods/wanda.ts";
import type { BlockSuffix } from "../../model/tensors.ts";
import type { FloatLlama, Window } from "../float-llama.ts";
import { blockStatistics, INPUT_OF } from "./statistics.ts";

/** The share of each block's weights whose Wanda score is over `times` the block's mean. */
export async function outlierShares(llama: FloatLlama, windows: readonly Window[], times: number): Promise<number[]> {
  const hidden = llama.embed(windows);
  const shares: number[] = [];
  for (let layer = 0; layer < llama.config.layers; layer++) {
    const statistics = await blockStatistics(llama, layer, hidden, "squares");
    const scores = Object.entries(INPUT_OF).map(([suffix, input]) =>
      wandaScores(llama.weights(layer, suffix as BlockSuffix), statistics[input].squares),
    );
    shares.push(outlierShare(scores, times));
    await llama.runBlock(layer, hidden);
  }
  llama.releaseHidden(hidden);
  return shares;
}
