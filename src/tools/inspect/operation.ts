/** Finds the operation of a Llama that a kernel call belongs to, by the tensor that holds its weights. */

import type { MemoryPlan } from "../../core/draft/memory-plan.ts";
import type { PackHeader } from "../../core/format/pack-header.ts";
import type { Kernels } from "../../core/kernels/abi.ts";
import { denseBytes } from "../../core/model/layouts.ts";
import { EMBEDDING, FINAL_NORM, HEAD } from "../../core/model/tensors.ts";
import { type Cost, costOf, type WeightSize, weightOf } from "./cost.ts";

const WITHOUT_WEIGHTS: Partial<Record<keyof Kernels, string>> = {
  kvAppend: "kv append",
  swigluQuantise: "swiglu + quantise",
};

interface Operation {
  /** `q`, `norm + quantise`, …; `q|k|v` where one call multiplies the rows of neighbouring tensors. */
  readonly name: string;
  readonly cost: Cost;
}

/** Names of calls and their costs, for a model that lies in `arena`. */
export class Operations {
  /** Tensors by address. */
  readonly #tensors: readonly ({ name: string; address: number } & WeightSize)[];

  constructor(header: PackHeader, arena: MemoryPlan) {
    const tensors = Object.entries(header.tensors);
    const dense = tensors.map(([name, tensor]) => ({
      name,
      address: arena.tensors.get(name)!,
      bytes: denseBytes(tensor),
      rows: tensor.rows,
      outliers: 0,
    }));
    const tables = tensors.flatMap(([name, { rows, outliers }]) =>
      outliers
        ? [{ name, address: arena.outliers.get(name)!, bytes: outliers.bytes, rows, outliers: outliers.count }]
        : [],
    );
    this.#tensors = [...dense, ...tables].sort((a, b) => a.address - b.address);
  }

  /** Throws a RangeError for a call whose weights are no tensor of this model. */
  of(kernel: keyof Kernels, args: readonly number[]): Operation {
    const weight = weightOf(kernel, args);
    if (!weight) {
      return {
        name: WITHOUT_WEIGHTS[kernel] ?? kernel,
        cost: costOf(kernel, args, { bytes: 0, rows: 0, outliers: 0 }),
      };
    }
    const first = this.#tensors.findIndex(({ address }) => address === weight.address);
    if (first < 0) throw new RangeError(`${kernel}: no tensor starts at ${weight.address}`);
    const names: string[] = [];
    let bytes = 0;
    let rows = 0;
    let outliers = 0;
    for (let i = first; i < this.#tensors.length && rows < weight.rows; i++) {
      const tensor = this.#tensors[i]!;
      names.push(tensor.name);
      bytes += tensor.bytes;
      rows += tensor.rows;
      outliers += tensor.outliers;
    }
    return { name: operationName(kernel, names), cost: costOf(kernel, args, { bytes, rows, outliers }) };
  }
}

function operationName(kernel: keyof Kernels, tensors: readonly string[]): string {
  if (kernel.startsWith("embed")) return "embed";
  if (kernel === "addOutliers") return "outliers";
  if (kernel === "addBias") return "bias";
  if (kernel === "normHeads") return "q, k norm";
  if (kernel === "rmsnormQuantise") return tensors[0] === FINAL_NORM ? "final norm" : "norm + quantise";
  return tensors
    .map((name) => (name === HEAD || name === EMBEDDING ? "head" : (/\.(\w+)_proj\.weight$/.exec(name)?.[1] ?? name)))
    .join("|");
}
