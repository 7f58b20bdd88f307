/** Rounds a matrix to codes of books (model/formats/books.ts), in the basis of rotation.ts. */
import { ENTRY_UNIT } from "../../../core/model/formats/books.ts";
import type { Parts } from "../../../core/model/formats/parts.ts";
import { ROTATED_COLS, rotate } from "../../../core/model/formats/rotation.ts";
import { TOLERANCE } from "./held-scales.ts";
import { rootMeanSquares } from "./root-mean-squares.ts";

/**
 * Scales that are tried for a row that may be in the format, over the first of normal numbers; the largest come first,
 * because half a scale makes whole numbers as well.
 */
const [MOST, LEAST] = [2, 0.4];
/** From one of them to the next, so that whole numbers of some hundreds miss by a few hundredths. */
const STEP = 2e-4;
/** How far a column over the scale may be from a whole number. */
const NEAR = 0.12;

/** Finds codes for the columns of a row. */
export interface CodeSearch {
  /** A scale over a row's root mean square, for normal numbers. */
  readonly normal: number;
  /** Writes codes, each at its four columns. Returns the scale that suits them best. */
  round(line: Float32Array, scale: number, codes: Uint16Array): number;
}

/** Each row has the scale that its rotated weights hold already, where they do; else that of normal numbers. */
export function roundToSums(values: Float32Array, rows: number, cols: number, search: CodeSearch): Parts {
  const rotated = values.slice();
  rotate(rotated);
  const codes = new Uint16Array(values.length);
  const scales = rootMeanSquares(rotated, rows, cols).map((size, row) => {
    // Its codes are 0, as those of a row that stands for nothing may be.
    if (size === 0) return 0;
    const line = rotated.subarray(row * cols, (row + 1) * cols);
    const first = size * search.normal;
    return search.round(line, heldScale(line, first) ?? first, codes.subarray(row * cols, (row + 1) * cols));
  });
  return { codes, scales };
}

/**
 * The scale of a row that is in the format already; nothing for any other. Such a row is its scale over ENTRY_UNIT
 * times sums of entries, which are whole numbers, and a few of its columns show it.
 */
function heldScale(line: Float32Array, first: number): number | undefined {
  const few = line.subarray(0, ROTATED_COLS).map((value) => value * ENTRY_UNIT);
  const size = Math.hypot(...few);
  for (let scale = MOST * first; scale > LEAST * first; scale *= 1 - STEP) {
    if (few.some((value) => Math.abs(value / scale - Math.round(value / scale)) > NEAR)) continue;
    const numbers = few.map((value) => Math.round(value / scale));
    const fitted = product(few, numbers) / product(numbers, numbers);
    if (Math.hypot(...few.map((value, k) => value - fitted * numbers[k]!)) <= TOLERANCE * size) return fitted;
  }
}

const product = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, k) => sum + value * b[k]!, 0);
