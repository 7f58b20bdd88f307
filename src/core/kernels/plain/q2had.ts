/**
 * The plain twin of q2had, whose layout is drawn in model/formats/q2had.ts and whose tables in wasm/matmul/q2had.ts.
 */
import { Q2HAD } from "../../model/formats/q2had.ts";
import { ROTATED_COLS } from "../../model/formats/rotation.ts";
import { nearest } from "./nearest.ts";
import { fittedGroups, rotated, unrotated } from "./tables.ts";
import type { Twin } from "./twin.ts";

const f32 = Math.fround;
const SPAN = 31;

export const plainQ2had: Twin = (view) => {
  const codebookOf = (block: number, cols: number): number => block + (cols / 4) * Q2HAD.columnsBytes;
  const level = (codebook: number, code: number): number => view.getFloat32(codebook + Q2HAD.levels + 4 * code, true);
  const scale = (codebook: number, r: number): number => view.getFloat32(codebook + Q2HAD.scales + 4 * r, true);
  /** Codes of the columns k and k + 1, k even, of row r of a block: the first | the second << 2. */
  const pairAt = (block: number, r: number, k: number): number => {
    const byte = view.getUint8(block + (k >> 2) * Q2HAD.columnsBytes + 2 * (r & 7) + (r >> 3));
    return k & 2 ? byte >> 4 : byte & 15;
  };
  return {
    /** scale[r] · largest · Σ over groups of 64 columns of (peak / 31) · Σ (T[pair] − 32). */
    rowSum(block, r, q) {
      const codebook = codebookOf(block, q.length);
      const levels = [0, 1, 2, 3].map((code) => level(codebook, code));
      const largest = Math.max(...levels.map(Math.abs));
      const whole = levels.map((value) => nearest(f32(value * f32(largest > 0 ? 32767 / largest : 0))));
      let acc = 0;
      for (const { first, peak, fitted } of fittedGroups(rotated(q), SPAN)) {
        const product = (code: number, k: number): number => (whole[code]! * fitted[k]! + 2 ** 14) >> 15;
        let sum = 0;
        for (let k = 0; k < ROTATED_COLS; k += 2) {
          const pair = pairAt(block, r, first + k);
          sum += (product(pair & 3, k) + product(pair >> 2, k + 1) + 128) >> 8;
        }
        acc = f32(acc + f32(sum * f32(peak / SPAN)));
      }
      return f32(f32(scale(codebook, r) * largest) * acc);
    },
    weightAt: unrotated((block, r, k, cols) => {
      const codebook = codebookOf(block, cols);
      const code = (pairAt(block, r, k & ~1) >> (k & 1 ? 2 : 0)) & 3;
      return f32(scale(codebook, r) * level(codebook, code));
    }),
  };
};
