/**
 * The stages that compress a model matrix by matrix, each by the inputs of that matrix: magnitude, Wanda, SparseGPT and
 * GPTQ. As in their papers, a block's statistics come from its own uncompressed weights behind the compressed blocks
 * before it. Magnitude needs no text.
 */

import type { PackedModel, PackedTensor } from "../../../core/format/pack.ts";
import { decodeTensor } from "../../../core/model/decode.ts";
import { type BlockSuffix, blockSuffixes, blockTensor } from "../../../core/model/tensors.ts";
import { builtModule } from "../../../core/platform/built.ts";
import type { Calibration, Tensors } from "../calibrate/calibration.ts";
import type { Solution } from "../calibrate/solving/solution.ts";
import { INPUT_OF, type InputStatistics } from "../calibrate/solving/statistics.ts";
import { activationOrder, type Factor, factorise, naturalOrder } from "../methods/cholesky.ts";
import { gptq } from "../methods/gptq.ts";
import { gridOf } from "../methods/grid.ts";
import { magnitude } from "../methods/magnitude.ts";
import type { Pattern } from "../methods/masks.ts";
import { sparseGpt } from "../methods/sparsegpt.ts";
import { Products } from "../methods/subtract-product.ts";
import { wanda } from "../methods/wanda.ts";
import { floatTensor, gridTensor } from "../rounding/tensors.ts";

export interface Magnitude {
  readonly stage: "magnitude";
  readonly pattern: Pattern;
}

export interface Wanda {
  readonly stage: "wanda";
  readonly pattern: Pattern;
}

export interface SparseGpt {
  readonly stage: "sparsegpt";
  readonly pattern: Pattern;
  /** Also rounds the remaining weights to the grid of the dense row. */
  readonly bits?: 3 | 4 | undefined;
}

export interface Gptq {
  readonly stage: "gptq";
  readonly bits: 3 | 4;
  /** Columns of a row that share a scale; all of them when absent. */
  readonly group?: 32 | undefined;
  readonly actOrder: boolean;
}

type Calibrated = Wanda | SparseGpt | Gptq;

type Layerwise = Magnitude | Calibrated;

/** What a solver gets for one matrix. */
interface Layer {
  readonly weights: Float32Array;
  readonly rows: number;
  readonly cols: number;
  readonly input: InputStatistics;
  /** Made from the input's Σ x xᵀ, and shared by all matrices with that input. */
  readonly factor: () => Factor;
}

/** A copy whose block matrices are compressed. Rejects with what the methods throw. */
export async function layerwise(model: PackedModel, stage: Layerwise, calibration: Calibration): Promise<PackedModel> {
  const solved =
    stage.stage === "magnitude"
      ? await calibration.eachBlock(model, (layer) => withoutSmall(model, layer, stage.pattern))
      : await fromInputs(model, stage, calibration);
  return { ...model, tensors: new Map([...model.tensors, ...solved]), recipe: [...model.recipe, { ...stage }] };
}

function withoutSmall({ config, tensors }: PackedModel, layer: number, pattern: Pattern): Solution {
  const solution = new Map<BlockSuffix, PackedTensor>();
  for (const suffix of blockSuffixes(config)) {
    const tensor = tensors.get(blockTensor(layer, suffix))!;
    const { rows, cols, bytes } = tensor;
    if (rows === 1) continue;
    solution.set(suffix, floatTensor(magnitude(decodeTensor(tensor, bytes), rows, pattern).weights, rows, cols));
  }
  return solution;
}

async function fromInputs(model: PackedModel, stage: Calibrated, calibration: Calibration): Promise<Tensors> {
  const products = new Products(await builtModule("solve"));
  const usesGram = stage.stage === "sparsegpt" || stage.stage === "gptq";
  return calibration.compress(model, usesGram ? "gram" : "squares", (_layer, statistics, weightsOf) => {
    const factors = new Map<string, Factor>();
    const solution = new Map<BlockSuffix, PackedTensor>();
    for (const suffix of blockSuffixes(model.config)) {
      if (!(suffix in INPUT_OF)) continue;
      const name = INPUT_OF[suffix as keyof typeof INPUT_OF];
      const input = statistics[name];
      const factor = (): Factor => {
        let known = factors.get(name);
        if (!known) factors.set(name, (known = factorOf(products, input, stage)));
        return known;
      };
      const weights = weightsOf(suffix);
      const { cols } = input;
      solution.set(suffix, solve(stage, products, { weights, rows: weights.length / cols, cols, input, factor }));
    }
    return solution;
  });
}

/** H = 2/N · Σ x xᵀ over N windows, permuted to the order in which columns are solved. */
function factorOf(products: Products, { gram, windows, cols }: InputStatistics, stage: Calibrated): Factor {
  const hessian = gram!.map((value) => (2 * value) / windows);
  const byActivation = stage.stage === "gptq" && stage.actOrder;
  return factorise(products, hessian, byActivation ? activationOrder(hessian) : naturalOrder(cols));
}

function solve(stage: Calibrated, products: Products, { weights, rows, cols, input, factor }: Layer): PackedTensor {
  const float = (values: Float32Array): PackedTensor => floatTensor(values, rows, cols);
  switch (stage.stage) {
    case "wanda":
      return float(wanda(weights, rows, input.squares, stage.pattern).weights);
    case "sparsegpt": {
      if (stage.bits === undefined) return float(sparseGpt(products, weights, rows, factor(), stage.pattern).weights);
      const grid = gridOf(weights, rows, stage.bits, cols);
      return gridTensor(sparseGpt(products, weights, rows, factor(), stage.pattern, grid).weights, rows, cols, grid);
    }
    case "gptq": {
      const made = gptq(products, weights, rows, factor(), stage.bits, stage.group ?? cols);
      return gridTensor(made.weights, rows, cols, made.grid);
    }
  }
}
