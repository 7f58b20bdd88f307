/**
 * SqueezeLLM (Kim et al. 2023, arXiv 2306.07629). Each row gets a codebook of its own, fitted with each weight's error
 * weighted by its sensitivity, the diagonal of the Fisher information (section 4.1; codebook.ts). The few most
 * sensitive and the few largest weights are kept apart, unrounded (section 4.2).
 */
import { select } from "./select.ts";

/**
 * 1 where a weight of a matrix is kept apart: the ⌊count · sensitive⌋ of the largest `fisher`, then of the others the
 * ⌊count · outlying⌋ of the largest magnitude. Among equals the first. The paper's quartile thresholds give no exact
 * count.
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

/** Marks the `count` largest of `values`, none negative, that are not marked yet. */
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

/** Sensitivities for the codebooks: `fisher`, and 0 for weights that are kept apart. */
export const countingSensitivities = (fisher: Float32Array, apart: Uint8Array): Float32Array =>
  fisher.map((sensitivity, at) => (apart[at] ? 0 : sensitivity));
