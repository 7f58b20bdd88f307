/**
 * SqueezeLLM (Kim et al. 2023, arXiv 2306.07629): the weights of a row become the levels of a codebook of its own, each
 * counting by its sensitivity, the diagonal of the Fisher information (section 4.1; codebook.ts); and the few that matter
 * most or lie farthest out are kept apart as they are (section 4.2).
 */
import { codebook, nearestCode } from "./codebook.ts";
import { select } from "./select.ts";

/** A layer of levels and the weights kept apart. */
export interface Squeezed {
  /** (rows, cols). */ readonly weights: Float32Array;
  /** (rows, cols); of a weight that is kept apart, the nearest level. */ readonly codes: Uint8Array;
  /** (rows, levels): ascending; the last one again where a row has fewer. */ readonly codebooks: Float32Array;
}

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

/** `weights` (rows, cols) on `levels` levels a row, save those `apart`. */
export function squeeze(
  weights: Float32Array,
  rows: number,
  fisher: Float32Array,
  apart: Uint8Array,
  levels: number,
): Squeezed {
  const cols = weights.length / rows;
  const sensitivities = countingSensitivities(fisher, apart);
  const squeezed = new Float32Array(weights.length);
  const codes = new Uint8Array(weights.length);
  const codebooks = new Float32Array(rows * levels);
  for (let row = 0; row < rows; row++) {
    const [from, to] = [row * cols, (row + 1) * cols];
    const { centroids } = codebook(weights.subarray(from, to), levels, sensitivities.subarray(from, to));
    codebooks.fill(centroids.at(-1)!, row * levels, (row + 1) * levels);
    codebooks.set(centroids, row * levels);
    for (let at = from; at < to; at++) {
      codes[at] = nearestCode(centroids, weights[at]!);
      squeezed[at] = apart[at] ? weights[at]! : centroids[codes[at]!]!;
    }
  }
  return { weights: squeezed, codes, codebooks };
}
