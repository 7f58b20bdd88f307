// q2had: codes of two bits for four levels in another basis, drawn in src/core/model/formats/q2had.ts, multiplied by
// tables (by-tables.ts).
//
// largest is the largest |level|. With n and the span of lib/tables.ts, as whole numbers, half to even,
//
//   l[c] = round(level[c] · 32767 / largest)
//   p[c][k] = (l[c] · n[k] + 2^14) >> 15
//
// For two neighbouring columns a table holds what their sixteen pairs of codes yield:
//
//   T[c0 | c1 << 2] = (p[c0][k] + p[c1][k + 1] + 128 >> 8) + 32,  1 … 63
import { columns, magic, middle16 } from "../lib/constants";
import { lookup } from "../lib/lookup";
import { max4 } from "../lib/reduce";
import { rotate } from "../lib/rotation";
import { headBytes, pairTables, scalesBytes } from "../lib/tables";
import { byTables } from "./by-tables";

const LARGEST_LEVEL: f32 = 32767;

// Byte of a block's codebook at which its scales start, behind four levels.
@inline const SCALES: usize = 16;

@inline function products(levels: v128, fitted: v128, mask: v128): v128 {
  const x = lookup(fitted, mask);
  return ASC_FEATURE_RELAXED_SIMD ? i16x8.relaxed_q15mulr_s(levels, x) : i16x8.q15mulr_sat_s(levels, x);
}

// The tables of four columns, of which `first` and `second` are masks.
@inline function two(levels: v128, fitted: v128, first: v128, second: v128, to: usize): void {
  const a = i16x8.add(products(levels, fitted, first), middle16());
  pairTables(a, products(levels, fitted, second), to);
}

@unmanaged
class Levels {
  @inline bits(): i32 {
    return 2;
  }

  @inline fours(): bool {
    return false;
  }

  @inline span(): f32 {
    return 31;
  }

  // 32 of each pair of columns.
  @inline zero(): i32 {
    return 32 * 32;
  }

  @inline codebook(): bool {
    return true;
  }

  @inline scales(codebook: usize): usize {
    return codebook + SCALES;
  }

  @inline largest(codebook: usize): f32 {
    return max4(f32x4.abs(v128.load(codebook)));
  }

  makeTables(to: usize, cols: i32, codebook: usize): void {
    const largest = this.largest(codebook);
    const by = f32x4.splat(largest > 0 ? LARGEST_LEVEL / largest : 0);
    const whole = i32x4.sub(f32x4.add(f32x4.mul(v128.load(codebook), by), magic()), magic());
    const levels = i16x8.narrow_i32x4_s(whole, whole);
    let from = to + scalesBytes(cols);
    to += headBytes(cols);
    for (const end = to; from < end; from += 16) {
      const fitted = v128.load(from);
      two(levels, fitted, columns(0), columns(1), to);
      two(levels, fitted, columns(2), columns(3), to + 32);
      to += 64;
    }
  }
}

export function matmulQ2had(
  act: usize,
  T: i32,
  weight: usize,
  blockBytes: i32,
  rows: i32,
  cols: i32,
  _bits: i32,
  out: usize,
  outStride: i32,
  accumulate: i32,
  scratch: usize,
): void {
  byTables<Levels>(act, T, weight, blockBytes, rows, cols, out, outStride, accumulate, scratch);
}

// A row as f32.
export function embedQ2had(weight: usize, blockBytes: i32, row: i32, cols: i32, out: usize): void {
  const block = weight + <usize>((row >> 4) * blockBytes);
  const levels = block + <usize>(cols << 2);
  const scale = load<f32>(levels + <usize>((row & 15) << 2), SCALES);
  const from = block + <usize>(((row & 7) << 1) + ((row & 15) >> 3));
  for (let k = 0; k < cols; k++) {
    const code = (load<u8>(from + <usize>((k >> 2) << 4)) >> <u8>((k & 3) << 1)) & 3;
    store<f32>(out, scale * load<f32>(levels + (<usize>code << 2)));
    out += 4;
  }
  rotate(out - <usize>(cols << 2), cols);
}
