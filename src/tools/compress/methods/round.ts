/**
 * Rounds the rows of a matrix to a weight format: the parts that `encodeTensor` puts into blocks. ROUND has a row a
 * format.
 */

import { OutriderError } from "../../../core/model/errors.ts";
import { f16ToNumber, numberToF16 } from "../../../core/model/f16.ts";
import { THREE_BOOKS, TWO_BOOKS } from "../../../core/model/formats/books.ts";
import { TILE_COLS } from "../../../core/model/formats/format.ts";
import { MOST_ENTRY, type Parts } from "../../../core/model/formats/parts.ts";
import { NORMAL_LEVELS } from "../../../core/model/formats/q2had.ts";
import { STEPS } from "../../../core/model/formats/q3had.ts";
import { rotate } from "../../../core/model/formats/rotation.ts";
import type { BlockFormat } from "../../../core/model/formats.ts";
import { codebook, nearestCode } from "./codebook.ts";
import { ontoSteps } from "./entries.ts";
import { heldScales } from "./held-scales.ts";
import { Nearest } from "./nearest-words.ts";
import { rootMeanSquares } from "./root-mean-squares.ts";
import { roundToSums } from "./sums.ts";

type Round = (values: Float32Array, rows: number, cols: number, sensitivities?: Float32Array) => Parts;

const ROUND: { readonly [F in BlockFormat]: Round } = {
  q8: roundQ8,
  q4u: roundQ4u,
  lut4: (values, rows, cols, sensitivities) => roundToCodebooks(values, rows, cols, 16, sensitivities),
  lut3: (values, rows, cols, sensitivities) => roundToCodebooks(values, rows, cols, 8, sensitivities),
  q2had: (values, rows, cols) => roundRotated(values, rows, cols, NORMAL_LEVELS),
  q3had: (values, rows, cols) => roundRotated(values, rows, cols, STEPS),
  q2add: (values, rows, cols) => roundToSums(values, rows, cols, new Nearest(TWO_BOOKS)),
  q3add: (values, rows, cols) => roundToSums(values, rows, cols, new Nearest(THREE_BOOKS)),
};

/**
 * The parts of `values` (rows, cols) in `format`. Throws `bad_weights` naming row and columns where a scale is no
 * finite f16.
 * @param sensitivities (rows, cols): weights of the errors, for formats with a codebook for each row
 */
export const roundRows = (
  format: BlockFormat,
  values: Float32Array,
  rows: number,
  sensitivities?: Float32Array,
): Parts => ROUND[format](values, rows, values.length / rows, sensitivities);

/** d = max|w| / 127 of each group of 32, as f16; codes to nearest. */
function roundQ8(values: Float32Array, rows: number, cols: number): Parts {
  const groups = Math.ceil(cols / TILE_COLS);
  const d = new Float32Array(rows * groups);
  const codes = new Int8Array(values.length);
  eachGroup(values, rows, cols, (group, n, row, from) => {
    let largest = 0;
    for (const value of group) largest = Math.max(largest, Math.abs(value));
    d[n] = half(largest / 127, row, from);
    for (let k = 0; d[n] !== 0 && k < group.length; k++) {
      codes[row * cols + from + k] = clamp(Math.round(group[k]! / d[n]!), -127, 127);
    }
  });
  return { codes, d };
}

/** m the smallest weight of each group of 32, d a fifteenth of its span, both as f16; codes to nearest. */
function roundQ4u(values: Float32Array, rows: number, cols: number): Parts {
  const groups = Math.ceil(cols / TILE_COLS);
  const d = new Float32Array(rows * groups);
  const m = new Float32Array(rows * groups);
  const codes = new Uint8Array(values.length);
  eachGroup(values, rows, cols, (group, n, row, from) => {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (const value of group) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    d[n] = half((high - low) / 15, row, from);
    m[n] = half(low, row, from);
    for (let k = 0; d[n] !== 0 && k < group.length; k++) {
      codes[row * cols + from + k] = clamp(Math.round((group[k]! - m[n]!) / d[n]!), 0, 15);
    }
  });
  return { codes, d, m };
}

/** A codebook for each row: the k-means of its weights, moved onto 64 equal steps. */
function roundToCodebooks(
  values: Float32Array,
  rows: number,
  cols: number,
  levels: number,
  sensitivities: Float32Array | undefined,
): Parts {
  const codes = new Uint8Array(values.length);
  const codebooks = new Uint8Array(rows * levels);
  const a = new Float32Array(rows);
  const b = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const from = row * cols;
    const to = from + cols;
    const line = values.subarray(from, to);
    const stepped = ontoSteps(codebook(line, levels, sensitivities?.subarray(from, to)), MOST_ENTRY);
    a[row] = stepped.a;
    b[row] = stepped.b;
    codebooks.set(stepped.entries, row * levels);
    const grid = Float64Array.from(stepped.entries, (entry) => a[row]! * entry + b[row]!);
    for (let k = 0; k < cols; k++) codes[from + k] = nearestCode(grid, line[k]!);
  }
  return { codes, codebooks, a, b };
}

/**
 * To fixed levels, in the basis of rotation.ts. The scales that the rotated weights hold already, where they do; else
 * those of the least squared error.
 */
function roundRotated(values: Float32Array, rows: number, cols: number, levels: readonly number[]): Parts {
  const rotated = values.slice();
  rotate(rotated);
  const scales = heldScales(rotated, rows, cols, levels) ?? fittedScales(rotated, rows, cols, levels);
  return { codes: levelCodes(rotated, cols, levels, scales), levels, scales };
}

/** Each weight as a multiple of its row's scale. */
const inScales = (values: Float32Array, cols: number, scales: Float32Array): Float32Array =>
  values.map((value, at) => value / (scales[Math.floor(at / cols)]! || 1));

const levelCodes = (values: Float32Array, cols: number, levels: readonly number[], scales: Float32Array): Uint8Array =>
  Uint8Array.from(inScales(values, cols, scales), (value) => nearestCode(levels, value));

/** Turns of choosing codes and fitting a row's scale to them. */
const TURNS = 8;

/** (rows): by turns for codes and scales, from rows whose root mean square is that of the levels. */
function fittedScales(values: Float32Array, rows: number, cols: number, levels: readonly number[]): Float32Array {
  const size = Math.hypot(...levels) / Math.sqrt(levels.length);
  return rootMeanSquares(values, rows, cols).map((root, row) => {
    const line = values.subarray(row * cols, (row + 1) * cols);
    let scale = root / size;
    for (let turn = 0; turn < TURNS && scale > 0; turn++) {
      let products = 0;
      let squares = 0;
      for (const value of line) {
        const level = levels[nearestCode(levels, value / scale)]!;
        products += value * level;
        squares += level * level;
      }
      scale = products / squares;
    }
    return scale;
  });
}

/** Calls `each` with every group of 32 weights of a row, its index among all groups, its row and its first column. */
function eachGroup(
  values: Float32Array,
  rows: number,
  cols: number,
  each: (group: Float32Array, n: number, row: number, from: number) => void,
): void {
  const groups = Math.ceil(cols / TILE_COLS);
  for (let row = 0; row < rows; row++) {
    for (let g = 0; g < groups; g++) {
      const from = g * TILE_COLS;
      const to = Math.min(cols, from + TILE_COLS);
      each(values.subarray(row * cols + from, row * cols + to), row * groups + g, row, from);
    }
  }
}

const clamp = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, value));

/** Rounded to f16. */
function half(scale: number, row: number, from: number): number {
  const bits = numberToF16(scale);
  if ((bits & 0x7c00) !== 0x7c00) return f16ToNumber(bits);
  throw new OutriderError("bad_weights", `row ${row}, columns ${from}…: a scale of ${scale} does not fit a f16`);
}
