/** What the twins of formats share whose products are looked up in tables (wasm/lib/tables.ts). */
import { ROTATED_COLS, rotate } from "../../model/formats/rotation.ts";
import { nearest } from "./nearest.ts";
import type { Twin } from "./twin.ts";

const f32 = Math.fround;

/** The columns of an activation that are rotated together. */
interface FittedGroup {
  /** Of its columns. */
  readonly first: number;
  /** The largest |x[k]| + |x[k + 1]|, k even; or the largest length of four. */
  readonly peak: number;
  /** round(x · 256 · span / peak). */
  readonly fitted: readonly number[];
}

/** The largest |x[k]| + |x[k + 1]|, k even. */
function peakOfPairs(own: readonly number[]): number {
  let peak = 0;
  for (let k = 0; k < own.length; k += 2) peak = Math.max(peak, f32(Math.abs(own[k]!) + Math.abs(own[k + 1]!)));
  return peak;
}

/** The largest length of four columns, k a multiple of 4. */
export function peakOfFours(own: readonly number[]): number {
  const squares = own.map((x) => f32(x * x));
  let peak = 0;
  for (let k = 0; k < own.length; k += 4) {
    peak = Math.max(peak, f32(f32(squares[k]! + squares[k + 1]!) + f32(squares[k + 2]! + squares[k + 3]!)));
  }
  return f32(Math.sqrt(peak));
}

export function* fittedGroups(q: readonly number[], span: number, peakOf = peakOfPairs): Generator<FittedGroup> {
  for (let first = 0; first < q.length; first += ROTATED_COLS) {
    const own = q.slice(first, first + ROTATED_COLS);
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
