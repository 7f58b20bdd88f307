/** The plain twins of lut4 and lut3, whose layouts are drawn in model/layouts.ts. */
import type { Embed } from "../abi.ts";

const f32 = Math.fround;

/** How a format with a codebook per row stores its codes. */
export interface LutCodes {
  /** Bytes of 2 rows × 64 columns. */ readonly pairBytes: number;
  readonly entries: number;
  /** Code of column k, 0 … 63, of row r, 0 or 1, of the pair at `tile`. */
  code(view: DataView, tile: number, r: number, k: number): number;
}

export const LUT4: LutCodes = {
  pairBytes: 64,
  entries: 16,
  code(view, tile, r, k) {
    const byte = view.getUint8(tile + 32 * r + 16 * (k >> 5) + (k & 15));
    return k & 16 ? byte >> 4 : byte & 15;
  },
};

export const LUT3: LutCodes = {
  pairBytes: 48,
  entries: 8,
  code(view, tile, r, k) {
    const own = view.getUint8(tile + 16 * r + (k & 15));
    const shared = view.getUint8(tile + 32 + (k & 15));
    if (k < 32) return (own >> (3 * (k >> 4))) & 7;
    return k < 48 ? (shared >> (3 * r)) & 7 : (own >> 6) | (((shared >> (6 + r)) & 1) << 2);
  },
};

/** Entry, a and b of the weights of row r, 0 … 15, of a block whose tiles hold `cols` columns. */
function rowOf(view: DataView, { pairBytes, entries, code }: LutCodes, tiles: number, r: number, cols: number) {
  const strip = tiles + (r >> 1) * (cols / 64) * pairBytes;
  const book = tiles + 8 * (cols / 64) * pairBytes;
  const lines = book + 16 * entries + 4 * r;
  return {
    entry: (k: number) => view.getUint8(book + r * entries + code(view, strip + (k >> 6) * pairBytes, r & 1, k & 63)),
    a: view.getFloat32(lines, true),
    b: view.getFloat32(lines + 64, true),
  };
}

/** a · Σ entry · q + b · Σ q, the first sum in four lanes of columns with the same (k & 15) >> 2, the second by groups of 32. */
export const lutSum =
  (view: DataView, codes: LutCodes) =>
  (tiles: number, r: number, q: readonly number[]): number => {
    const { entry, a, b } = rowOf(view, codes, tiles, r, q.length);
    const lanes = [0, 0, 0, 0] as [number, number, number, number];
    let sum = 0;
    for (let group = 0; group < q.length; group += 32) {
      let own = 0;
      for (let k = group; k < group + 32; k++) {
        lanes[(k & 15) >> 2]! += entry(k) * q[k]!;
        own += q[k]!;
      }
      sum = f32(sum + own);
    }
    const dot = f32(f32(f32(lanes[0]) + f32(lanes[2])) + f32(f32(lanes[1]) + f32(lanes[3])));
    return f32(f32(a * dot) + f32(b * sum));
  };

export const lutEmbed =
  (view: DataView, codes: LutCodes): Embed =>
  (weight, blockBytes, row, cols, out) => {
    const { entry, a, b } = rowOf(view, codes, weight + (row >> 4) * blockBytes, row & 15, cols);
    for (let k = 0; k < cols; k++) view.setFloat32(out + k * 4, f32(f32(a * entry(k)) + b), true);
  };
