/**
 * Shares of outliers in the blocks of a dense model, by which OWL (methods/owl.ts) distributes sparsity. One pass over
 * the windows.
 */
import type { PackedModel } from "../../../../core/format/pack.ts";
import type { BlockSuffix } from "../../../../core/model/tensors.ts";
import { outlierShare } from "../../methods/owl.ts";
import { wandaScores } from "../../methods/wanda.ts";
import type { FloatLlama, Window } from "../float-llama.ts";
import { inOwnWidth } from "./own-width.ts";
import { compressSequentially } from "./sequential.ts";
import { INPUT_OF } from "./statistics.ts";

/**
 * The share of each block's weights whose Wanda score is over `times` the block's mean.
 * @param llama `model` in floats
 */
export async function outlierShares(
  llama: FloatLlama,
  model: PackedModel,
  windows: readonly Window[],
  times: number,
): Promise<number[]> {
  const shares: number[] = [];
  // A solver that changes nothing.
  const solve = inOwnWidth(model, (_layer, statistics, weightsOf) => {
    const scores = Object.entries(INPUT_OF).map(([suffix, input]) =>
      wandaScores(weightsOf(suffix as BlockSuffix), statistics[input].squares),
    );
    shares.push(outlierShare(scores, times));
    return new Map();
  });
  await compressSequentially(llama, windows, "squares", solve);
  return shares;
}
