/** The plain twins of lut4 and lut3, whose layouts model/formats/ draws. */
import { LUT3 } from "../../model/formats/lut3.ts";
import { LUT4 } from "../../model/formats/lut4.ts";
import { LINE_STEP, linesAt, type RowCodebooks } from "../../model/formats/row-codebooks.ts";
import type { Twin } from "./twin.ts";

const f32 = Math.fround;

/** How a format with a codebook per row stores its codes. */
interface LutCodes extends RowCodebooks {
  /** Code of column k, 0 … 63, of row r, 0 or 1, of the pair at `pair`. */
  code(view: DataView, pair: number, r: number, k: number): number;
}

const FOUR_BITS: LutCodes = {
  ...LUT4,
  code(view, pair, r, k) {
    const byte = view.getUint8(pair + 32 * r + 16 * (k >> 5) + (k & 15));
    return k & 16 ? byte >> 4 : byte & 15;
  },
};

const THREE_BITS: LutCodes = {
  ...LUT3,
  code(view, pair, r, k) {
    const own = view.getUint8(pair + 16 * r + (k & 15));
    const shared = view.getUint8(pair + 32 + (k & 15));
    if (k < 32) return (own >> (3 * (k >> 4))) & 7;
    return k < 48 ? (shared >> (3 * r)) & 7 : (own >> 6) | (((shared >> (6 + r)) & 1) << 2);
  },
};

const twinOf =
  (facts: LutCodes): Twin =>
  (view) => {
    const { pairBytes, entries, code } = facts;
    /** Entries, a and b of row r of a block whose tiles hold `cols` columns. */
    const rowOf = (tiles: number, r: number, cols: number) => {
      const strip = tiles + (r >> 1) * (cols / 64) * pairBytes;
      const book = tiles + 8 * (cols / 64) * pairBytes;
      const line = book + linesAt(facts) + 4 * r;
      return {
        entry: (k: number) =>
          view.getUint8(book + r * entries + code(view, strip + (k >> 6) * pairBytes, r & 1, k & 63)),
        a: view.getFloat32(line, true),
        b: view.getFloat32(line + LINE_STEP, true),
      };
    };
    return {
      /** a · Σ entry · q + b · Σ q; the first sum in four lanes of equal (k & 15) >> 2, the second by groups of 32. */
      rowSum(tiles, r, q) {
        const { entry, a, b } = rowOf(tiles, r, q.length);
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
      },
      weightAt(tiles, r, k, cols) {
        const { entry, a, b } = rowOf(tiles, r, cols);
        return f32(f32(a * entry(k)) + b);
      },
    };
  };

export const plainLut4 = twinOf(FOUR_BITS);
export const plainLut3 = twinOf(THREE_BITS);
