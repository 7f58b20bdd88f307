/** Rounds a matrix to codes of books (model/formats/books.ts), in the basis of rotation.ts. */
import type { Parts } from "../model/formats/parts.ts";
import { ROTATED_COLS, rotate } from "../model/formats/rotation.ts";
import { rootMeanSquares } from "./root-mean-squares.ts";
import { TOLERANCE } from "./shared-levels.ts";

/** Turns of choosing codes and fitting a row's scale to them, and how little a scale changes in the last of them. */
const TURNS = 8;
const SETTLED = 1e-3;
/** A row's first scale, in parts of its root mean square. Rows that were taught use the entries in other shares. */
const STARTS = [1, 0.9, 1.1, 0.8, 1.25];

/** Finds codes for the columns of a row. */
export interface CodeSearch {
  /** A scale over a row's root mean square, for normal numbers. */
  readonly normal: number;
  /** Writes codes, each at its four columns. Returns what they lose, and the scale that suits them best. */
  round(line: Float32Array, scale: number, codes: Uint16Array): Rounded;
}

/** Codes of a row. */
export interface Rounded {
  /** The squared error. */
  readonly lost: number;
  readonly scale: number;
}

/**
 * Each row has the scale that its rotated weights hold already, where the longest row holds one; else one of a small
 * squared error.
 */
export function roundToSums(values: Float32Array, rows: number, cols: number, search: CodeSearch): Parts {
  const rotated = values.slice();
  rotate(rotated);
  const codes = new Uint16Array(values.length);
  const lineOf = (row: number): Float32Array => rotated.subarray(row * cols, (row + 1) * cols);
  const sizes = rootMeanSquares(rotated, rows, cols);
  const longest = sizes.indexOf(sizes.reduce((most, size) => Math.max(most, size), 0));
  const isHeld = heldScale(lineOf(longest), sizes[longest]! * search.normal, codes, search) !== undefined;
  const scales = sizes.map((size, row) => {
    // The codes of a row of zeros are 0, as those of a row that stands for nothing may be.
    if (size === 0) return 0;
    const first = size * search.normal;
    const own = codes.subarray(row * cols, (row + 1) * cols);
    const held = isHeld ? heldScale(lineOf(row), first, own, search) : undefined;
    return search.round(lineOf(row), held ?? first, own).scale;
  });
  return { codes, scales };
}

/** The scale of a row that is in the format already; nothing for any other. */
function heldScale(line: Float32Array, first: number, codes: Uint16Array, search: CodeSearch): number | undefined {
  // A few columns show it, and every scale costs a search.
  const few = line.subarray(0, ROTATED_COLS);
  const most = TOLERANCE ** 2 * few.reduce((sum, value) => sum + value * value, 0);
  for (const start of STARTS) {
    const scale = settled(few, start * first, codes, search);
    if (scale > 0 && search.round(few, scale, codes).lost <= most) return scale;
  }
}

/** By turns for codes and scale, from a first scale. */
function settled(line: Float32Array, first: number, codes: Uint16Array, search: CodeSearch): number {
  let scale = first;
  for (let turn = 0; turn < TURNS; turn++) {
    const fitted = search.round(line, scale, codes).scale;
    if (Math.abs(fitted - scale) <= SETTLED * scale) return fitted;
    scale = fitted;
  }
  return scale;
}
