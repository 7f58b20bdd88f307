// lut3: codebooks of eight entries (lut.ts), codes of three bits, drawn in src/core/model/formats/lut3.ts.
import { fours, pairs, triples } from "../lib/constants";
import { drive } from "./drive";
import { Lut, lutRow } from "./lut";

@unmanaged
class Lut3 {
  @inline pairBytes(): usize {
    return 48;
  }

  @inline entries(): i32 {
    return 8;
  }

  // The row's own bytes.
  @inline one(tile: usize, row: i32): v128 {
    return row ? v128.load(tile, 16) : v128.load(tile);
  }

  // The bytes that both rows share.
  @inline two(tile: usize, _row: i32): v128 {
    return v128.load(tile, 32);
  }

  @inline code(one: v128, two: v128, row: i32, n: i32): v128 {
    if (n == 0) return v128.and(one, triples());
    if (n == 1) return v128.and(i16x8.shr_u(one, 3), triples());
    if (n == 2) return v128.and(row ? i16x8.shr_u(two, 3) : two, triples());
    const high = v128.and(row ? i16x8.shr_u(two, 5) : i16x8.shr_u(two, 4), fours());
    return v128.or(v128.and(i16x8.shr_u(one, 6), pairs()), high);
  }

  codeAt(tile: usize, r: i32, k: i32): usize {
    const own = <u32>load<u8>(tile + <usize>((r << 4) + (k & 15)));
    const both = <u32>load<u8>(tile + <usize>(32 + (k & 15)));
    if (k < 32) return (own >> (3 * (k >> 4))) & 7;
    return k < 48 ? (both >> (3 * r)) & 7 : (own >> 6) | (((both >> (6 + r)) & 1) << 2);
  }
}

export function matmulLut3(
  act: usize,
  T: i32,
  weight: usize,
  blockBytes: i32,
  rows: i32,
  cols: i32,
  bits: i32,
  out: usize,
  outStride: i32,
  accumulate: i32,
  _scratch: usize,
): void {
  if (bits == 8) {
    drive<Lut<Lut3, i8>, i8>(act, T, weight, blockBytes, rows, cols, out, outStride, accumulate);
  } else {
    drive<Lut<Lut3, i16>, i16>(act, T, weight, blockBytes, rows, cols, out, outStride, accumulate);
  }
}

// A row as f32.
export function embedLut3(weight: usize, blockBytes: i32, row: i32, cols: i32, out: usize): void {
  lutRow<Lut3>(weight + <usize>((row >> 4) * blockBytes), row & 15, cols, out);
}
