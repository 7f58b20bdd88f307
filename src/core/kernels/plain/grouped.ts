/** The plain twins of q4u and q8, whose layouts model/formats/q4u.ts and model/formats/q8.ts draw. */
import { f16ToNumber } from "../../model/f16.ts";
import { Q4U } from "../../model/formats/q4u.ts";
import { Q8 } from "../../model/formats/q8.ts";
import type { Twin } from "./twin.ts";

const f32 = Math.fround;

/** A format with numbers for each row and group of 32 columns, a tile for each group. */
interface Grouped {
  readonly tileBytes: number;
  /** Byte of a tile at which the 16 f16 scales start. */
  readonly d: number;
  /** Byte of a tile at which the 16 f16 minima start, if the format has them. */
  readonly m?: number;
  /** Integer of row r and column k, 0 … 31, of the tile at `tile`. */
  code(view: DataView, tile: number, r: number, k: number): number;
}

const NIBBLES: Grouped = {
  tileBytes: Q4U.tileBytes,
  d: Q4U.d,
  m: Q4U.m,
  code(view, tile, r, k) {
    const byte = view.getUint8(tile + (k >> 3) * 64 + r * 4 + (k & 3));
    return k & 4 ? byte >> 4 : byte & 15;
  },
};

const BYTES: Grouped = {
  tileBytes: Q8.tileBytes,
  d: Q8.d,
  code: (view, tile, r, k) => view.getInt8(tile + (k >> 2) * 64 + r * 4 + (k & 3)),
};

const twinOf =
  ({ tileBytes, d, m, code }: Grouped): Twin =>
  (view) => {
    const half = (at: number, r: number): number => f16ToNumber(view.getUint16(at + 2 * r, true));
    return {
      /** Σ over groups of 32 columns, in order: f32(dot) · d, and with minima + m · Σq. */
      rowSum(tiles, r, q) {
        let acc = 0;
        for (let g = 0; g < q.length / 32; g++) {
          const tile = tiles + g * tileBytes;
          let dot = 0;
          let sum = 0;
          for (let k = 0; k < 32; k++) {
            const x = q[g * 32 + k]!;
            dot += code(view, tile, r, k) * x;
            sum += x;
          }
          let term = f32(f32(dot) * half(tile + d, r));
          if (m !== undefined) term = f32(term + f32(half(tile + m, r) * sum));
          acc = f32(acc + term);
        }
        return acc;
      },
      weightAt(tiles, r, k) {
        const tile = tiles + (k >> 5) * tileBytes;
        const value = f32(code(view, tile, r, k & 31) * half(tile + d, r));
        return m === undefined ? value : f32(value + half(tile + m, r));
      },
    };
  };

export const plainQ4u = twinOf(NIBBLES);
export const plainQ8 = twinOf(BYTES);
