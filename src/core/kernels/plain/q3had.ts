/**
 * The plain twin of q3had, whose layout is drawn in model/formats/q3had.ts and whose tables in wasm/matmul/q3had.ts.
 */
import { Q3HAD, q3had, STEPS } from "../../model/formats/q3had.ts";
import { ROTATED_COLS } from "../../model/formats/rotation.ts";
import { fittedGroups, rotated, unrotated } from "./tables.ts";
import type { Twin } from "./twin.ts";

const f32 = Math.fround;
const SPAN = 18;

export const plainQ3had: Twin = (view) => {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const codeAt = (block: number, r: number, k: number, cols: number): number =>
    q3had.codes.read(bytes, block, r, k, cols);
  const scale = (block: number, r: number, cols: number): number =>
    view.getFloat32(block + (cols / 8) * Q3HAD.columnsBytes + 4 * r, true);
  return {
    /** scale[r] · Σ over groups of 64 columns of (peak / 18) · Σ T, less what each T has at 0. */
    rowSum(block, r, q) {
      let acc = 0;
      for (const { first, peak, fitted } of fittedGroups(rotated(q), SPAN)) {
        const code = (k: number): number => codeAt(block, r, first + k, q.length);
        const upper = (k: number): number => (2 * (code(k) >> 1) - 3) * fitted[k]!;
        const sign = (k: number): number => (2 * (code(k) & 1) - 1) * fitted[k]!;
        let sum = 0;
        for (let k = 0; k < ROTATED_COLS; k += 2) sum += (upper(k) + upper(k + 1) + 128) >> 8;
        for (let k = 0; k < ROTATED_COLS; k += 4) sum += (sign(k) + sign(k + 1) + sign(k + 2) + sign(k + 3) + 256) >> 9;
        acc = f32(acc + f32(sum * f32(peak / SPAN)));
      }
      return f32(scale(block, r, q.length) * acc);
    },
    weightAt: unrotated((block, r, k, cols) => f32(scale(block, r, cols) * STEPS[codeAt(block, r, k, cols)]!)),
  };
};
