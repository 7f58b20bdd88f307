/** The stage that gives each row of the blocks a codebook by the weights' sensitivities, and keeps a few apart (methods/squeezellm.ts). */
import type { PackedModel, PackedTensor } from "../../format/pack.ts";
import { decodeTensor } from "../../model/decode.ts";
import { encodeTensor, MOST_ENTRY } from "../../model/encode.ts";
import { BLOCK_TENSORS, blockTensor } from "../../model/tensors.ts";
import type { Calibration } from "../calibration.ts";
import { balanceRows } from "../methods/balance.ts";
import { nearestCode } from "../methods/codebook.ts";
import { keptApart, squeeze } from "../methods/squeezellm.ts";

export interface SqueezeLlm {
  readonly stage: "squeezellm";
  readonly bits: 3 | 4;
  /** Share of a matrix kept apart for its sensitivity, and share of it for its size. */
  readonly sensitive: number;
  readonly outlying: number;
}

/** A copy with the block matrices in lut3 or lut4, outliers on top. Rejects with what calibration rejects with. */
export async function squeezeLlm(
  model: PackedModel,
  stage: SqueezeLlm,
  calibration: Calibration,
): Promise<PackedModel> {
  const gradientOf = await calibration.gradients(model, true);
  const tensors = new Map(model.tensors);
  for (let layer = 0; layer < model.config.layers; layer++) {
    for (const [suffix] of BLOCK_TENSORS) {
      const name = blockTensor(layer, suffix);
      const tensor = tensors.get(name)!;
      if (tensor.rows > 1) tensors.set(name, squeezeTensor(tensor, gradientOf(name).squares!, stage));
    }
  }
  return { ...model, tensors, recipe: [...model.recipe, { ...stage }] };
}

function squeezeTensor(tensor: PackedTensor, fisher: Float32Array, stage: SqueezeLlm): PackedTensor {
  const { rows, cols } = tensor;
  const { bits, sensitive, outlying } = stage;
  const values = decodeTensor(tensor, tensor.bytes);
  const outliers = Math.round(cols * (sensitive + outlying));
  const apart = balanceRows(keptApart(values, fisher, sensitive, outlying), values, rows, outliers);
  const levels = 2 ** bits;
  const { codebooks } = squeeze(values, rows, fisher, apart, levels);

  const entries = new Uint8Array(rows * levels);
  const a = new Float32Array(rows);
  const b = new Float32Array(rows);
  const codes = new Uint8Array(values.length);
  const columns = new Uint16Array(rows * outliers);
  const residuals = new Float32Array(rows * outliers);
  for (let row = 0; row < rows; row++) {
    const book = codebooks.subarray(row * levels, (row + 1) * levels);
    b[row] = book[0]!;
    a[row] = (book.at(-1)! - book[0]!) / MOST_ENTRY;
    const own = book.map((level) => (a[row] === 0 ? 0 : Math.round((level - b[row]!) / a[row]!)));
    entries.set(own, row * levels);
    const grid = own.map((entry) => a[row]! * entry + b[row]!);
    let found = 0;
    for (let k = 0; k < cols; k++) {
      const at = row * cols + k;
      codes[at] = nearestCode(grid, values[at]!);
      if (!apart[at]) continue;
      columns[row * outliers + found] = k;
      residuals[row * outliers + found++] = values[at]! - grid[codes[at]!]!;
    }
  }
  const layout = { format: bits === 4 ? "lut4" : "lut3", rows, cols, ...(outliers > 0 && { outliers }) } as const;
  const parts = { codes, codebooks: entries, a, b, outliers: { columns, values: residuals } };
  return { ...layout, bytes: encodeTensor(layout, parts) };
}
