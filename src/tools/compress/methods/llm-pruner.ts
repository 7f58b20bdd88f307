/**
 * How much the loss would rise without a group of weights (groups.ts), estimated from its gradient. LLM-Pruner (Ma,
 * Fang, Wang 2023, arXiv 2305.11627), section 3.2: the Taylor expansion L(w) − L(0) ≈ g·w − ½ h w² around the model's
 * weights. A trained model is not at a minimum of the loss on a short calibration text, so the first order does not
 * vanish.
 *
 * Shapes: a tensor is (rows, cols). `gradient` g is the gradient of the mean loss. `squares` F is the mean over the
 * samples of their squared gradients: the Fisher information, in place of the Hessian's diagonal h.
 */
import type { Group } from "./groups.ts";

/**
 * Importance of a line (a row or column) of a tensor.
 *   vector   |Σ g·w|                   weights of a line may cancel each other
 *   first    Σ |g·w|                   each weight counts alone
 *   second   Σ |F·w²|
 *   mixed    Σ |g·w − ½ F·w²|
 */
export type Salience = "vector" | "first" | "second" | "mixed";

/** Importance of a group from that of its members; `last` takes the member that the forward pass reads last. */
export type Aggregation = "sum" | "prod" | "max" | "last";

export interface TensorEvidence {
  readonly rows: number;
  readonly cols: number;
  readonly values: Float32Array;
  readonly gradient: Float32Array;
  /** For `second` and `mixed` only. */
  readonly squares?: Float32Array | undefined;
}

/** Importance of each row and each column of a tensor. */
export interface LineImportance {
  readonly rows: Float64Array;
  readonly cols: Float64Array;
}

/** Throws a RangeError where `salience` needs squared gradients and `tensor` has none. */
export function lineImportance(salience: Salience, tensor: TensorEvidence): LineImportance {
  const { rows, cols, values, gradient, squares } = tensor;
  if (!squares && (salience === "second" || salience === "mixed")) {
    throw new RangeError(`${salience} salience needs squared gradients`);
  }
  const first = salience === "second" ? 0 : 1;
  const second = salience === "second" ? 1 : salience === "mixed" ? -0.5 : 0;
  const byRow = new Float64Array(rows);
  const byCol = new Float64Array(cols);
  for (let row = 0, n = 0; row < rows; row++) {
    let sum = 0;
    for (let col = 0; col < cols; col++, n++) {
      const w = values[n]!;
      let worth = first * gradient[n]! * w;
      if (second !== 0) worth += second * squares![n]! * w * w;
      if (salience !== "vector") worth = Math.abs(worth);
      sum += worth;
      byCol[col]! += worth;
    }
    byRow[row] = sum;
  }
  // Sums of absolute values stay as they are.
  return { rows: byRow.map(Math.abs), cols: byCol.map(Math.abs) };
}

/** Importance of each group. The lines of one member, such as those of a head, add up. */
export function groupImportance(
  groups: readonly Group[],
  linesOf: (tensor: string) => LineImportance,
  aggregation: Aggregation,
): Float64Array {
  return Float64Array.from(groups, (group) => {
    const members = group.map(({ tensor, axis, start, count }) =>
      linesOf(tensor)
        [axis].subarray(start, start + count)
        .reduce((sum, line) => sum + line, 0),
    );
    return AGGREGATE[aggregation](members);
  });
}

const AGGREGATE: { readonly [A in Aggregation]: (members: readonly number[]) => number } = {
  sum: (members) => members.reduce((sum, member) => sum + member, 0),
  prod: (members) => members.reduce((product, member) => product * member, 1),
  max: (members) => Math.max(...members),
  last: (members) => members.at(-1)!,
};
