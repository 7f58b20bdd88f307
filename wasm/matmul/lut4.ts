// lut4: codebooks of sixteen entries (lut.ts), codes in nibbles, drawn in src/core/model/formats/lut4.ts.
import { nibbles } from "../lib/constants";
import { drive } from "./drive";
import { Lut, lutRow } from "./lut";

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

  codeAt(tile: usize, r: i32, k: i32): usize {
    const byte = load<u8>(tile + <usize>((r << 5) + ((k >> 5) << 4) + (k & 15)));
    return k & 16 ? byte >> 4 : byte & 15;
  }
}

export function matmulLut4(
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
    drive<Lut<Lut4, i8>, i8>(act, T, weight, blockBytes, rows, cols, out, outStride, accumulate);
  } else {
    drive<Lut<Lut4, i16>, i16>(act, T, weight, blockBytes, rows, cols, out, outStride, accumulate);
  }
}

// A row as f32.
export function embedLut4(weight: usize, blockBytes: i32, row: i32, cols: i32, out: usize): void {
  lutRow<Lut4>(weight + <usize>((row >> 4) * blockBytes), row & 15, cols, out);
}
