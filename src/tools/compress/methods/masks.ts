/**
 * Which weights are kept, by their scores. A score is the square root of the error of removing its weight, so scores of
 * weights that are removed together add up as squares. Where weights are removed one by one, only the order matters.
 */
import { OutriderError } from "../../../core/model/errors.ts";
import { select } from "./select.ts";

/** The weights among which scores are compared, and how many of them are removed. */
export type Pattern =
  /**
   * One threshold for all given weights: removed are those of at most the score at share `sparsity` of the sorted
   * scores.
   */
  | { readonly per: "matrix"; readonly sparsity: number }
  /** The ⌊columns · sparsity⌋ lowest scores of each row are removed. */
  | { readonly per: "row"; readonly sparsity: number }
  /** n:m: of every `of` aligned columns of a row the `zeros` lowest are removed. */
  | { readonly per: "group"; readonly zeros: number; readonly of: number };

/** A layer some of whose weights are zero. */
export interface Sparse {
  /** (rows, cols). */
  readonly weights: Float32Array;
  /** (rows, cols): 1 where a weight is kept. */
  readonly kept: Uint8Array;
}

/** Columns whose scores must be compared together; undefined where any number may. */
export const patternSpan = (pattern: Pattern): number | undefined => (pattern.per === "group" ? pattern.of : undefined);

/**
 * (rows, cols): 1 where a weight is kept. Among equal scores the lower column is removed; a threshold for the matrix
 * removes all equals. Throws `bad_recipe` for columns that groups do not divide.
 */
export function keptBy(pattern: Pattern, scores: Float64Array, rows: number): Uint8Array {
  const cols = scores.length / rows;
  const span = patternSpan(pattern) ?? 1;
  if (cols % span !== 0) {
    throw new OutriderError("bad_recipe", `groups of ${span} do not divide ${cols} columns; choose a divisor of them`);
  }
  switch (pattern.per) {
    case "matrix": {
      const place = Math.min(scores.length - 1, Math.floor(scores.length * pattern.sparsity));
      const threshold = select(scores.slice(), place);
      const kept = new Uint8Array(scores.length);
      for (let at = 0; at < kept.length; at++) kept[at] = scores[at]! > threshold ? 1 : 0;
      return kept;
    }
    case "row":
      return withoutLeast(scores, cols, Math.floor(cols * pattern.sparsity));
    case "group":
      return withoutLeast(scores, pattern.of, pattern.zeros);
  }
}

/** `weights` with zeros where they are not kept. */
export const withZeros = (weights: Float32Array, kept: Uint8Array): Float32Array =>
  weights.map((weight, at) => (kept[at] ? weight : 0));

/** Drops the `count` least of every `run` scores. */
function withoutLeast(scores: Float64Array, run: number, count: number): Uint8Array {
  const kept = new Uint8Array(scores.length).fill(1);
  if (count === 0) return kept;
  const values = new Float64Array(run);
  for (let from = 0; from < scores.length; from += run) {
    values.set(scores.subarray(from, from + run));
    const threshold = select(values, count - 1);
    let equals = count;
    for (let at = from; at < from + run; at++) if (scores[at]! < threshold) equals--;
    for (let at = from; at < from + run; at++) {
      if (scores[at]! < threshold || (scores[at] === threshold && equals-- > 0)) kept[at] = 0;
    }
  }
  return kept;
}
