/**
 * The stages that compress a model matrix by matrix, each by the inputs of that matrix: magnitude, Wanda and SparseGPT.
 * As in their papers, a block's statistics come from its own uncompressed weights behind the compressed blocks
 * before it. Magnitude needs no text.
 */

import type { PackedModel, PackedTensor } from "../../../core/format/pack.ts";
import { decodeTensor } from "../../../core/model/decode.ts";
import { type BlockSuffix, blockSuffixes, blockTensor } from "../../../core/model/tensors.ts";
import { builtModule } from "../../../core/platform/built.ts";
import type { Calibration, Tensors } from "../calibrate/calibration.ts";
import type { Solution } from "../calibrate/solving/solution.ts";
import { INPUT_OF, type InputStatistics } from "../calibrate/solving/statistics.ts";
import { type Factor, factorise } from "../methods/cholesky.ts";
import { magnitude } from "../methods/magnitude.ts";
import type { Pattern } from "../methods/masks.ts";
import { sparseGpt } from "../methods/sparsegpt.ts";
import { Products } from "../methods/subtract-product.ts";
import { wanda } from "../methods/wanda.ts";
import { floatTensor } from "../rounding/tensors.ts";

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
}

type Calibrated = Wanda | SparseGpt;

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
  return calibration.compress(
    model,
    stage.stage === "sparsegpt" ? "gram" : "squares",
    (_layer, statistics, weightsOf) => {
      const factors = new Map<string, Factor>();
      const solution = new Map<BlockSuffix, PackedTensor>();
      for (const suffix of blockSuffixes(model.config)) {
        if (!(suffix in INPUT_OF)) continue;
        const name = INPUT_OF[suffix as keyof typeof INPUT_OF];
        const input = statistics[name];
        const factor = (): Factor => {
          let known = factors.get(name);
          if (!known) factors.set(name, (known = factorOf(products, input)));
          return known;
        };
        const weights = weightsOf(suffix);
        const { cols } = input;
        solution.set(suffix, solve(stage, products, { weights, rows: weights.length / cols, cols, input, factor }));
      }
      return solution;
    },
  );
}

/** Of H = 2/N · Σ x xᵀ over N windows. */
const factorOf = (products: Products, { gram, windows }: InputStatistics): Factor =>
  factorise(
    products,
    gram!.map((value) => (2 * value) / windows),
  );

function solve(stage: Calibrated, products: Products, { weights, rows, cols, input, factor }: Layer): PackedTensor {
  const { weights: made } =
    stage.stage === "wanda"
      ? wanda(weights, rows, input.squares, stage.pattern)
      : sparseGpt(products, weights, rows, factor(), stage.pattern);
  return floatTensor(made, rows, cols);
}
