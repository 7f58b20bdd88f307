/**
 * The sparse half of a dense-and-sparse decomposition (Kim et al. 2023, arXiv 2306.07629, section 4.2). An outlier
 * stores in f16 the difference between the weight and its rounded value, so the sum of both is within 2^-11 of that
 * difference of the weight.
 */
import type { PackedTensor } from "../../../core/format/pack.ts";
import { decodeTensor } from "../../../core/model/decode.ts";
import { withOutliers } from "../../../core/model/outlier-table.ts";

/**
 * A copy of `rounded`, which has no outliers, with outliers wherever `apart` is 1; there it stands for `values` (rows,
 * cols).
 */
export function keepApart(rounded: PackedTensor, values: Float32Array, apart: Uint8Array): PackedTensor {
  const { rows, cols } = rounded;
  const dense = decodeTensor(rounded, rounded.bytes);
  const starts = [0];
  const columns: number[] = [];
  const residuals: number[] = [];
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < cols; k++) {
      if (apart[row * cols + k] === 0) continue;
      columns.push(k);
      residuals.push(values[row * cols + k]! - dense[row * cols + k]!);
    }
    starts.push(columns.length);
  }
  return withOutliers(rounded, { starts, columns, values: residuals });
}
