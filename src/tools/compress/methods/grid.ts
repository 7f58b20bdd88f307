/**
 * Uniform grids with a zero point: 2^bits levels from the smallest to the largest weight of a row, or of a group of its
 * columns; zero is one of the levels. As SparseGPT and GPTQ round: no search for a better range, halves to even.
 */

export interface Grid {
  /** The greatest code. */
  readonly most: number;
  /** Columns that share a scale. */
  readonly group: number;
  /** (rows, groups). */
  readonly scales: Float64Array;
  /** (rows, groups): the code of zero. */
  readonly zeros: Float64Array;
}

/** A grid whose groups are still to be fitted; `group` columns share a scale, the last perhaps fewer. */
export function emptyGrid(rows: number, cols: number, bits: number, group: number): Grid {
  const count = rows * Math.ceil(cols / group);
  return { most: 2 ** bits - 1, group, scales: new Float64Array(count).fill(1), zeros: new Float64Array(count) };
}

/**
 * Fits group `at` = row · groups + group to values from `low` to `high`, and zero. If all are zero, its scale stays 1.
 */
export function fitGroup({ most, scales, zeros }: Grid, at: number, low: number, high: number): void {
  const least = Math.min(0, low);
  const greatest = Math.max(0, high);
  if (least === greatest) return;
  scales[at] = (greatest - least) / most;
  zeros[at] = roundEven(-least / scales[at]!);
}

/** The grid of `weights` (rows, cols) as they are. */
export function gridOf(weights: Float32Array, rows: number, bits: number, group: number): Grid {
  const cols = weights.length / rows;
  const grid = emptyGrid(rows, cols, bits, group);
  const groups = Math.ceil(cols / group);
  for (let at = 0; at < rows * groups; at++) {
    const from = Math.floor(at / groups) * cols + (at % groups) * group;
    const to = Math.min(from + group, (Math.floor(at / groups) + 1) * cols);
    let low = 0;
    let high = 0;
    for (let k = from; k < to; k++) {
      low = Math.min(low, weights[k]!);
      high = Math.max(high, weights[k]!);
    }
    fitGroup(grid, at, low, high);
  }
  return grid;
}

/** The code nearest to `value` in group `at`. */
export const codeOf = ({ most, scales, zeros }: Grid, at: number, value: number): number =>
  Math.max(0, Math.min(most, roundEven(value / scales[at]!) + zeros[at]!));

export const levelOf = ({ scales, zeros }: Grid, at: number, code: number): number => scales[at]! * (code - zeros[at]!);

function roundEven(value: number): number {
  const up = Math.round(value);
  return up - value === 0.5 && up % 2 !== 0 ? up - 1 : up;
}
