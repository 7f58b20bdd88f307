/**
 * The plain twins of q2lut and q2had, whose layout is drawn in model/formats/q2lut.ts and whose tables in
 * wasm/matmul/q2lut.ts.
 */
import { Q2LUT } from "../../model/formats/q2lut.ts";
import { ROTATED_COLS } from "../../model/formats/rotation.ts";
import { nearest } from "./nearest.ts";
import { fittedGroups, rotated, unrotated } from "./tables.ts";
import type { Twin } from "./twin.ts";

const f32 = Math.fround;
const SPAN = 31;

/** @param columns of a group */
const plainLevels = (view: DataView, columns: number): ReturnType<Twin> => {
  const codebookOf = (block: number, cols: number): number => block + (cols / 4) * Q2LUT.columnsBytes;
  const level = (codebook: number, code: number): number => view.getFloat32(codebook + Q2LUT.levels + 4 * code, true);
  const scale = (codebook: number, r: number): number => view.getFloat32(codebook + Q2LUT.scales + 4 * r, true);
  /** Codes of the columns k and k + 1, k even, of row r of a block: the first | the second << 2. */
  const pairAt = (block: number, r: number, k: number): number => {
    const byte = view.getUint8(block + (k >> 2) * Q2LUT.columnsBytes + 2 * (r & 7) + (r >> 3));
    return k & 2 ? byte >> 4 : byte & 15;
  };
  return {
    /** scale[r] · largest · Σ over groups of columns of (peak / 31) · Σ (T[pair] − 32). */
    rowSum(block, r, q) {
      const codebook = codebookOf(block, q.length);
      const levels = [0, 1, 2, 3].map((code) => level(codebook, code));
      const largest = Math.max(...levels.map(Math.abs));
      const whole = levels.map((value) => nearest(f32(value * f32(largest > 0 ? 32767 / largest : 0))));
      let acc = 0;
      for (const { first, peak, fitted } of fittedGroups(q, columns, SPAN)) {
        const product = (code: number, k: number): number => (whole[code]! * fitted[k]! + 2 ** 14) >> 15;
        let sum = 0;
        for (let k = 0; k < columns; k += 2) {
          const pair = pairAt(block, r, first + k);
          sum += (product(pair & 3, k) + product(pair >> 2, k + 1) + 128) >> 8;
        }
        acc = f32(acc + f32(sum * f32(peak / SPAN)));
      }
      return f32(f32(scale(codebook, r) * largest) * acc);
    },
    weightAt(block, r, k, cols) {
      const codebook = codebookOf(block, cols);
      const code = (pairAt(block, r, k & ~1) >> (k & 1 ? 2 : 0)) & 3;
      return f32(scale(codebook, r) * level(codebook, code));
    },
  };
};

export const plainQ2lut: Twin = (view) => plainLevels(view, 32);

export const plainQ2had: Twin = (view) => {
  const { rowSum, weightAt } = plainLevels(view, ROTATED_COLS);
  return { rowSum: (block, r, q) => rowSum(block, r, rotated(q)), weightAt: unrotated(weightAt) };
};
