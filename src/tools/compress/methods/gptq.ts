/**
 * GPTQ (Frantar et al. 2022, arXiv 2210.17323): columns are rounded one after the other, and all later columns
 * compensate the error (columns.ts). The order is the factor's: natural, or by falling activation ("act-order" of the
 * authors' code).
 */
import { OutriderError } from "../../../core/model/errors.ts";
import type { Factor } from "./cholesky.ts";
import { type Settled, seenTogether, settleColumns } from "./columns.ts";
import { codeOf, emptyGrid, fitGroup, type Grid, gridOf, levelOf } from "./grid.ts";
import type { Products } from "./subtract-product.ts";

/**
 * `weights` (rows, cols) rounded to `bits` bits, where `group` columns of a row share a scale; `group` = cols is one
 * grid per row. A row's grid is fitted to its weights before the first column is settled. In natural order a group's
 * grid is fitted to its weights when its first column is reached (section 4, "grouping"); in another order its columns
 * are reached at different times, so it too is fitted at the start. Throws `bad_recipe` for groups that batches would
 * cut.
 */
export function gptq(
  products: Products,
  weights: Float32Array,
  rows: number,
  factor: Factor,
  bits: number,
  group: number,
): Settled & { readonly grid: Grid } {
  const { order } = factor;
  const cols = order.length;
  const groups = Math.ceil(cols / group);
  const late = group < cols && order.every((column, k) => column === k);
  const grid = late ? emptyGrid(rows, cols, bits, group) : gridOf(weights, rows, bits, group);
  if (late && !seenTogether(group)) {
    throw new OutriderError("bad_recipe", `gptq: groups of ${group} columns; take 32, or a multiple or divisor of it`);
  }
  const settled = settleColumns(products, weights, rows, factor, (k, current) => {
    if (late && k % group === 0) fitColumns(grid, current, rows, k, Math.min(k + group, cols), groups);
    const column = order[k]!;
    for (let r = 0; r < rows; r++) {
      const at = r * groups + Math.floor(column / group);
      current[k * rows + r] = levelOf(grid, at, codeOf(grid, at, current[k * rows + r]!));
    }
  });
  return { ...settled, grid };
}

/** Fits the group of columns `from` … `to` of every row; `current` is (cols, rows). */
function fitColumns(grid: Grid, current: Float64Array, rows: number, from: number, to: number, groups: number): void {
  for (let r = 0; r < rows; r++) {
    let low = 0;
    let high = 0;
    for (let k = from; k < to; k++) {
      low = Math.min(low, current[k * rows + r]!);
      high = Math.max(high, current[k * rows + r]!);
    }
    fitGroup(grid, r * groups + Math.floor(from / grid.group), low, high);
  }
}
