/** What the twins of formats share whose products are looked up in tables (wasm/lib/tables.ts). */
import { ROTATED_COLS, rotate } from "../../model/formats/rotation.ts";
import { nearest } from "./nearest.ts";
import type { Twin } from "./twin.ts";

const f32 = Math.fround;

/** So many columns of an activation. */
interface FittedGroup {
  /** Of its columns. */
  readonly first: number;
  /** The largest |x[k]| + |x[k + 1]|, k even; or the largest length of four, or of eight. */
  readonly peak: number;
  /** (columns and those ahead): round(x · 256 · span / peak). */
  readonly fitted: readonly number[];
}

/** The largest |x[k]| + |x[k + 1]|, k even. */
function peakOfPairs(own: readonly number[]): number {
  let peak = 0;
  for (let k = 0; k < own.length; k += 2) peak = Math.max(peak, f32(Math.abs(own[k]!) + Math.abs(own[k + 1]!)));
  return peak;
}

/** The squared lengths of fours of columns. */
function squaresOfFours(own: readonly number[]): number[] {
  const squares = own.map((x) => f32(x * x));
  return Array.from({ length: own.length / 4 }, (_, at) => {
    const k = 4 * at;
    return f32(f32(squares[k]! + squares[k + 1]!) + f32(squares[k + 2]! + squares[k + 3]!));
  });
}

/** The largest length of four columns, k a multiple of 4. */
export const peakOfFours = (own: readonly number[]): number => f32(Math.sqrt(Math.max(...squaresOfFours(own))));

/** The largest length of eight columns, k a multiple of 4. */
export function peakOfEights(own: readonly number[]): number {
  const fours = squaresOfFours(own);
  return f32(Math.sqrt(Math.max(...fours.slice(1).map((four, at) => f32(fours[at]! + four)))));
}

export function* fittedGroups(
  q: readonly number[],
  columns: number,
  span: number,
  peakOf = peakOfPairs,
  ahead = 0,
): Generator<FittedGroup> {
  for (let first = 0; first < q.length; first += columns) {
    const own = Array.from({ length: columns + ahead }, (_, at) => q[first + at] ?? 0);
    const peak = peakOf(own);
    const by = f32(peak > 0 ? (256 * span) / peak : 0);
    yield { first, peak, fitted: own.map((x) => nearest(f32(x * by))) };
  }
}

/** In the basis of rotation.ts. */
export function rotated(values: readonly number[]): number[] {
  const row = Float32Array.from(values);
  rotate(row);
  return [...row];
}

/** The `weightAt` of a format whose weights stand in that basis as `own` has them. */
export const unrotated =
  (own: ReturnType<Twin>["weightAt"]): ReturnType<Twin>["weightAt"] =>
  (block, r, k, cols) => {
    const first = k - (k % ROTATED_COLS);
    return rotated(Array.from({ length: ROTATED_COLS }, (_, i) => own(block, r, first + i, cols)))[k - first]!;
  };
