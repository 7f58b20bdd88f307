// lut4: codebooks of sixteen entries (lut.ts), codes in nibbles, drawn in src/model/layouts.ts.
import { nibbles } from "../lib/constants";
import { drive } from "./drive";
import { Lut } from "./lut";

@unmanaged
class Lut4 {
  @inline pairBytes(): usize {
    return 64;
  }

  @inline entries(): i32 {
    return 16;
  }

  @inline one(tile: usize, row: i32): v128 {
    return row ? v128.load(tile, 32) : v128.load(tile);
  }

  @inline two(tile: usize, row: i32): v128 {
    return row ? v128.load(tile, 48) : v128.load(tile, 16);
  }

  @inline code(one: v128, two: v128, _row: i32, n: i32): v128 {
    const bytes = n < 2 ? one : two;
    return v128.and(n & 1 ? i16x8.shr_u(bytes, 4) : bytes, nibbles());
  }
}

export function matmulLut4(
  act: usize,
  T: i32,
  weight: usize,
  blockBytes: i32,
  rows: i32,
  cols: i32,
  keep: i32,
  bits: i32,
  out: usize,
  outStride: i32,
  accumulate: i32,
  scratch: usize,
): void {
  if (bits == 8) {
    drive<Lut<Lut4, i8>, i8>(act, T, weight, blockBytes, rows, cols, keep, out, outStride, accumulate, scratch);
  } else {
    drive<Lut<Lut4, i16>, i16>(act, T, weight, blockBytes, rows, cols, keep, out, outStride, accumulate, scratch);
  }
}
