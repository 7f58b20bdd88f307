/**
 * A block as its model has it. The float model gives all blocks the width of the widest (format/even-width.ts). A
 * solver must see no zeros that only fill up: it would count them as weights and give back tensors that are too large.
 */
import { withoutPadding } from "../../../../core/format/even-width.ts";
import type { PackedModel } from "../../../../core/format/pack.ts";
import { type BlockSuffix, blockTensor } from "../../../../core/model/tensors.ts";
import type { Input } from "../tasks/capture.ts";
import type { Solver } from "./sequential.ts";
import { type BlockStatistics, INPUT_OF, type InputStatistics } from "./statistics.ts";

const inputOf: Readonly<Partial<Record<BlockSuffix, Input>>> = INPUT_OF;

/** `solve` for blocks of the float model: it gets each block of `model` in the block's own width. */
export function inOwnWidth({ config, tensors }: PackedModel, solve: Solver): Solver {
  if (!config.widths) return solve;
  return (layer, statistics, weightsOf) => {
    const own = (suffix: string) => tensors.get(blockTensor(layer, suffix))!;
    const narrow = Object.entries(INPUT_OF).map(([suffix, input]) => {
      return [input, narrowed(statistics[input], own(suffix).cols)];
    });
    return solve(layer, Object.fromEntries(narrow) as BlockStatistics, (suffix) => {
      const { rows, cols } = own(suffix);
      const input = inputOf[suffix];
      return withoutPadding(weightsOf(suffix), input ? statistics[input].cols : cols, rows, cols);
    });
  };
}

/** Statistics of an input's first `cols` channels. */
function narrowed(input: InputStatistics, cols: number): InputStatistics {
  if (input.cols === cols) return input;
  const { squares, gram } = input;
  return {
    ...input,
    cols,
    squares: squares.subarray(0, cols),
    ...(gram && { gram: withoutPadding(gram, input.cols, cols, cols) }),
  };
}
