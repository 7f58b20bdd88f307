/**
 * How much the loss would rise without a group of weights (groups.ts), estimated from its gradient. LLM-Pruner (Ma,
 * Fang, Wang 2023, arXiv 2305.11627), section 3.2: the Taylor expansion L(w) − L(0) ≈ g·w around the model's weights,
 * each weight by itself ("element-wise, first order"). A trained model is not at a minimum of the loss on a short
 * calibration text, so the first order does not vanish.
 */
import type { Group } from "./groups.ts";

/** Importance of each row and each column of a tensor: Σ |g·w|. */
export interface LineImportance {
  readonly rows: Float64Array;
  readonly cols: Float64Array;
}

/**
 * @param values (rows, cols)
 * @param gradient (rows, cols): that of the mean loss
 */
export function lineImportance(
  rows: number,
  cols: number,
  values: Float32Array,
  gradient: Float32Array,
): LineImportance {
  const byRow = new Float64Array(rows);
  const byCol = new Float64Array(cols);
  for (let row = 0, n = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++, n++) {
      const worth = Math.abs(gradient[n]! * values[n]!);
      byRow[row]! += worth;
      byCol[col]! += worth;
    }
  }
  return { rows: byRow, cols: byCol };
}

/** Importance of each group: the sum over its members' lines. */
export function groupImportance(groups: readonly Group[], linesOf: (tensor: string) => LineImportance): Float64Array {
  return Float64Array.from(groups, (group) =>
    group.reduce(
      (sum, { tensor, axis, start, count }) =>
        linesOf(tensor)
          [axis].subarray(start, start + count)
          .reduce((own, line) => own + line, sum),
      0,
    ),
  );
}

/**
 * How many of `groups` a ratio leaves. A group is `lines` channels: the head size for a key/value head, 1 for an MLP
 * channel. A ratio removes C − ⌊C·(1 − ratio)⌋ of C channels, and as many whole groups as fit into that.
 */
export function groupsKept(groups: number, lines: number, ratio: number): number {
  // Without the allowance 1 − 0.9 would leave 0 of 10.
  const keptLines = Math.floor(groups * lines * (1 - ratio) + 1e-9);
  return groups - Math.floor((groups * lines - keptLines) / lines);
}

/** The most important groups, ascending: as many as `ratio` leaves. Among equals the first. */
export function mostImportant(importance: Float64Array, lines: number, ratio: number): number[] {
  return [...importance.keys()]
    .sort((a, b) => importance[b]! - importance[a]! || a - b)
    .slice(0, groupsKept(importance.length, lines, ratio))
    .sort((a, b) => a - b);
}
