/**
 * SqueezeLLM (Kim et al. 2023, arXiv 2306.07629): the weights of a row become the levels of a codebook of its own, each
 * counting by its sensitivity, the diagonal of the Fisher information (section 4.1; codebook.ts); and the few that matter
 * most or lie farthest out are kept apart as they are (section 4.2).
 */
import { select } from "./select.ts";

/**
 * 1 where a weight of a matrix is kept apart: the ⌊count · sensitive⌋ of the greatest `fisher`, then of the others the
 * ⌊count · outlying⌋ of the greatest size. Among equals the first. The paper's thresholds by quartiles give no exact count.
 */
export function keptApart(
  weights: Float32Array,
  fisher: Float32Array,
  sensitive: number,
  outlying: number,
): Uint8Array {
  const apart = new Uint8Array(weights.length);
  takeGreatest(apart, new Float64Array(fisher), Math.floor(weights.length * sensitive));
  takeGreatest(apart, new Float64Array(weights).map(Math.abs), Math.floor(weights.length * outlying));
  return apart;
}

/** Marks the `count` greatest of `values`, none negative, that are not marked yet. */
function takeGreatest(marked: Uint8Array, values: Float64Array, count: number): void {
  if (count === 0) return;
  for (let at = 0; at < values.length; at++) if (marked[at]) values[at] = -1;
  const threshold = select(values.slice(), values.length - count);
  let equals = count;
  for (const value of values) if (value > threshold) equals--;
  for (let at = 0; at < values.length; at++) {
    if (values[at]! > threshold || (values[at] === threshold && equals-- > 0)) marked[at] = 1;
  }
}

/** What counts in a row's codebook: `fisher`, but for weights kept apart. */
export const countingSensitivities = (fisher: Float32Array, apart: Uint8Array): Float32Array =>
  fisher.map((sensitivity, at) => (apart[at] ? 0 : sensitivity));
