/** The plain twin of q2lut, whose layout is drawn in model/layouts.ts and whose tables are in wasm/matmul/q2lut.ts. */
import type { Embed } from "../abi.ts";
import { nearest } from "./nearest.ts";

const f32 = Math.fround;

const codebookOf = (block: number, cols: number): number => block + 4 * cols;
const level = (view: DataView, codebook: number, code: number): number => view.getFloat32(codebook + 4 * code, true);

/** Codes of the columns k and k + 1, k even, of row r, 0 … 15, of a block: the first | the second << 2. */
function pairAt(view: DataView, block: number, r: number, k: number): number {
  const byte = view.getUint8(block + (k >> 2) * 16 + 2 * (r & 7) + (r >> 3));
  return k & 2 ? byte >> 4 : byte & 15;
}

/** scale[r] · Σ over groups of 32 columns of (peak / 31) · Σ T[pair], each pair's value rounded to a multiple of peak / 31. */
export const q2lutSum =
  (view: DataView) =>
  (block: number, r: number, q: readonly number[]): number => {
    const codebook = codebookOf(block, q.length);
    const value = (k: number, pair: number): number =>
      f32(
        f32(level(view, codebook, pair & 3) * (q[k] as number)) +
          f32(level(view, codebook, pair >> 2) * (q[k + 1] as number)),
      );
    let acc = 0;
    for (let group = 0; group < q.length; group += 32) {
      let peak = 0;
      for (let k = group; k < group + 32; k += 2) {
        for (let pair = 0; pair < 16; pair++) peak = Math.max(peak, Math.abs(value(k, pair)));
      }
      const toInt = peak > 0 ? f32(31 / peak) : 0;
      let sum = 0;
      for (let k = group; k < group + 32; k += 2) sum += nearest(f32(value(k, pairAt(view, block, r, k)) * toInt));
      acc = f32(acc + f32(sum * f32(peak / 31)));
    }
    return f32(view.getFloat32(codebook + 16 + 4 * r, true) * acc);
  };

export const q2lutEmbed =
  (view: DataView): Embed =>
  (weight, blockBytes, row, cols, out) => {
    const block = weight + (row >> 4) * blockBytes;
    const codebook = codebookOf(block, cols);
    const scale = view.getFloat32(codebook + 16 + 4 * (row & 15), true);
    for (let k = 0; k < cols; k++) {
      const code = (pairAt(view, block, row & 15, k & ~1) >> (k & 1 ? 2 : 0)) & 3;
      view.setFloat32(out + k * 4, f32(scale * level(view, codebook, code)), true);
    }
  };
