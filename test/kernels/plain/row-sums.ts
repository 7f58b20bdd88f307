/**
 * What a row of each weight format gives with an activation, before the activation's own scale: in plain TypeScript, in
 * the order in which the kernels of wasm/matmul add. model/formats/ draws the formats.
 */
import { f16ToNumber } from "../../../src/core/model/f16.ts";
import { type Books, CODE_COLS, entryOf, THREE_BOOKS, TWO_BOOKS } from "../../../src/core/model/formats/books.ts";
import type { BlockRow } from "../../../src/core/model/formats/format.ts";
import { LUT3 } from "../../../src/core/model/formats/lut3.ts";
import { LUT4 } from "../../../src/core/model/formats/lut4.ts";
import { Q2HAD } from "../../../src/core/model/formats/q2had.ts";
import { Q4U } from "../../../src/core/model/formats/q4u.ts";
import { Q8 } from "../../../src/core/model/formats/q8.ts";
import { ROTATED_COLS, rotate } from "../../../src/core/model/formats/rotation.ts";
import { LINE_STEP, linesAt, type RowCodebooks } from "../../../src/core/model/formats/row-codebooks.ts";
import type { BlockFormat } from "../../../src/core/model/formats.ts";
import { nearest } from "./numbers.ts";

const f32 = Math.fround;

/** Σ_k weight · q of a row. `codeOf` is the code of each column; `q` has an integer for each. */
type RowSum = (row: BlockRow, codeOf: (k: number) => number, q: readonly number[]) => number;

/** Σ over groups of 32 columns, in order: f32(dot) · d, and with minima + m · Σq; the f16 d and m lie in each tile. */
const grouped =
  ({ tileBytes, d, m }: { readonly tileBytes: number; readonly d: number; readonly m?: number }): RowSum =>
  ({ view, tiles, r }, codeOf, q) => {
    let acc = 0;
    for (let g = 0; g < q.length / 32; g++) {
      const half = (at: number): number => f16ToNumber(view.getUint16(tiles + g * tileBytes + at + 2 * r, true));
      let dot = 0;
      let sum = 0;
      for (let k = g * 32; k < g * 32 + 32; k++) {
        dot += codeOf(k) * q[k]!;
        sum += q[k]!;
      }
      let term = f32(f32(dot) * half(d));
      if (m !== undefined) term = f32(term + f32(half(m) * sum));
      acc = f32(acc + term);
    }
    return acc;
  };

/** a · Σ entry · q + b · Σ q; the first sum in four lanes of equal (k & 15) >> 2, the second by groups of 32. */
const rowCodebook =
  (facts: RowCodebooks): RowSum =>
  ({ view, codebook, r }, codeOf, q) => {
    const line = codebook + linesAt(facts) + 4 * r;
    const lanes = [0, 0, 0, 0] as [number, number, number, number];
    let sum = 0;
    for (let group = 0; group < q.length; group += 32) {
      let own = 0;
      for (let k = group; k < group + 32; k++) {
        lanes[(k & 15) >> 2]! += view.getUint8(codebook + r * facts.entries + codeOf(k)) * q[k]!;
        own += q[k]!;
      }
      sum = f32(sum + own);
    }
    const dot = f32(f32(f32(lanes[0]) + f32(lanes[2])) + f32(f32(lanes[1]) + f32(lanes[3])));
    return f32(f32(view.getFloat32(line, true) * dot) + f32(view.getFloat32(line + LINE_STEP, true) * sum));
  };

/** The columns of an activation that are rotated together, as the tables of wasm/lib/tables.ts take them. */
interface FittedGroup {
  /** Of its columns. */
  readonly first: number;
  /** The largest |x[k]| + |x[k + 1]|, k even; or the largest length of four. */
  readonly peak: number;
  /** round(x · 256 · span / peak). */
  readonly fitted: readonly number[];
}

/** The largest |x[k]| + |x[k + 1]|, k even. */
function peakOfPairs(own: Float32Array): number {
  let peak = 0;
  for (let k = 0; k < own.length; k += 2) peak = Math.max(peak, f32(Math.abs(own[k]!) + Math.abs(own[k + 1]!)));
  return peak;
}

/** The largest length of four columns, k a multiple of 4. */
function peakOfFours(own: Float32Array): number {
  const squares = own.map((x) => f32(x * x));
  let peak = 0;
  for (let k = 0; k < own.length; k += 4) {
    peak = Math.max(peak, f32(f32(squares[k]! + squares[k + 1]!) + f32(squares[k + 2]! + squares[k + 3]!)));
  }
  return f32(Math.sqrt(peak));
}

/** Σ over groups of 64 rotated columns of (peak / span) · what `sumOf` says of the group. */
function overGroups(
  q: readonly number[],
  span: number,
  peakOf: typeof peakOfPairs,
  sumOf: (group: FittedGroup) => number,
): number {
  const x = Float32Array.from(q);
  rotate(x);
  let acc = 0;
  for (let first = 0; first < x.length; first += ROTATED_COLS) {
    const own = x.subarray(first, first + ROTATED_COLS);
    const peak = peakOf(own);
    const by = f32(peak > 0 ? (256 * span) / peak : 0);
    const fitted = Array.from(own, (value) => nearest(f32(value * by)));
    acc = f32(acc + f32(sumOf({ first, peak, fitted }) * f32(peak / span)));
  }
  return acc;
}

/** scale[r] · largest · Σ over groups of (peak / 31) · Σ (T[pair] − 32). */
const q2had: RowSum = ({ view, codebook, r }, codeOf, q) => {
  const levels = [0, 1, 2, 3].map((code) => view.getFloat32(codebook + Q2HAD.levels + 4 * code, true));
  const largest = Math.max(...levels.map(Math.abs));
  const whole = levels.map((value) => nearest(f32(value * f32(largest > 0 ? 32767 / largest : 0))));
  const acc = overGroups(q, 31, peakOfPairs, ({ first, fitted }) => {
    const product = (k: number): number => (whole[codeOf(first + k)]! * fitted[k]! + 2 ** 14) >> 15;
    let sum = 0;
    for (let k = 0; k < ROTATED_COLS; k += 2) sum += (product(k) + product(k + 1) + 128) >> 8;
    return sum;
  });
  return f32(f32(view.getFloat32(codebook + Q2HAD.scales + 4 * r, true) * largest) * acc);
};

/** scale[r] · Σ over groups of (peak / 18) · Σ T, less what each T has at 0. */
const q3had: RowSum = ({ view, codebook, r }, codeOf, q) => {
  const acc = overGroups(q, 18, peakOfPairs, ({ first, fitted }) => {
    const upper = (k: number): number => (2 * (codeOf(first + k) >> 1) - 3) * fitted[k]!;
    const sign = (k: number): number => (2 * (codeOf(first + k) & 1) - 1) * fitted[k]!;
    let sum = 0;
    for (let k = 0; k < ROTATED_COLS; k += 2) sum += (upper(k) + upper(k + 1) + 128) >> 8;
    for (let k = 0; k < ROTATED_COLS; k += 4) sum += (sign(k) + sign(k + 1) + sign(k + 2) + sign(k + 3) + 256) >> 9;
    return sum;
  });
  return f32(view.getFloat32(codebook + 4 * r, true) * acc);
};

/** The same of books: each T has the products of the first eight entries, and those with the opposite sign. */
const additive =
  ({ books }: Books, span: number): RowSum =>
  ({ view, codebook, r }, codeOf, q) => {
    const acc = overGroups(q, span, peakOfFours, ({ first, fitted }) => {
      let sum = 0;
      for (let k = 0; k < ROTATED_COLS; k += CODE_COLS) {
        for (const [at, book] of books.entries()) {
          const n = (codeOf(first + k) >> (4 * at)) & 15;
          let half = 0;
          for (let i = 0; i < CODE_COLS; i++) half += (entryOf(book, n & 7, i) * fitted[k + i]! + 64) >> 7;
          sum += ((n < 8 ? half : -half) + 128) >> 8;
        }
      }
      return sum;
    });
    return f32(view.getFloat32(codebook + 4 * r, true) * acc);
  };

export const ROW_SUMS: { readonly [F in BlockFormat]: RowSum } = {
  q4u: grouped(Q4U),
  q8: grouped(Q8),
  lut4: rowCodebook(LUT4),
  lut3: rowCodebook(LUT3),
  q2had,
  q3had,
  q2add: additive(TWO_BOOKS, 29.5),
  q3add: additive(THREE_BOOKS, 46),
};
