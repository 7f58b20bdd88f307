// q3had: eight even steps in another basis, drawn in src/core/model/formats/q3had.ts, multiplied by tables (by-tables.ts).
//
// A code's upper two bits c stand for 2c − 3 and its lowest bit b for b − 1/2. With n of lib/tables.ts, a table of two
// neighbouring columns holds what sixteen pairs of c yield, and one of four what sixteen fours of b yield:
//
//   T[c0 | c1 << 2] = ((2c0 − 3) · n[k] + (2c1 − 3) · n[k + 1] + 128 >> 8) + 54,                    0 … 108
//   T[b0 | b1 << 1 | b2 << 2 | b3 << 3] = (Σ (2bi − 1) · n[k + i] + 256 >> 9) + 18,                  0 … 36
//
// Of eight columns there are four of the first kind, then two of the second.
import { codes, columns, middle18, middle54, odds, signs } from "../lib/constants";
import { lookup } from "../lib/lookup";
import { rotate } from "../lib/rotation";
import { headBytes, pairTables, scalesBytes, table } from "../lib/tables";
import { byTables, ScaledRows } from "./by-tables";

@inline function products(factors: v128, fitted: v128, mask: v128): v128 {
  return i16x8.mul(factors, lookup(fitted, mask));
}

// The tables of four columns, of which `first` and `second` are masks: of the upper two bits at `to`, of the lowest at
// `lowest`.
@inline function four(fitted: v128, first: v128, second: v128, to: usize, lowest: usize): void {
  pairTables(i16x8.add(products(odds(), fitted, first), middle54()), products(odds(), fitted, second), to);
  const sums = i16x8.add(products(signs(0), fitted, first), products(signs(1), fitted, second));
  const a = i16x8.add(i32x4.shuffle(sums, sums, 0, 1, 0, 1), middle18());
  table(a, sums, codes(2), codes(3), 9, lowest);
}

@unmanaged
class Steps extends ScaledRows {
  @inline bits(): i32 {
    return 3;
  }

  @inline fours(): bool {
    return false;
  }

  @inline span(): f32 {
    return 18;
  }

  // 54 of each pair of columns, 18 of each four.
  @inline zero(): i32 {
    return 32 * 54 + 16 * 18;
  }

  makeTables(to: usize, cols: i32, _codebook: usize): void {
    let from = to + scalesBytes(cols);
    to += headBytes(cols);
    for (const end = to; from < end; from += 16) {
      const fitted = v128.load(from);
      four(fitted, columns(0), columns(1), to, to + 64);
      four(fitted, columns(2), columns(3), to + 32, to + 80);
      to += 96;
    }
  }
}

export function matmulQ3had(
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
  byTables<Steps>(act, T, weight, blockBytes, rows, cols, out, outStride, accumulate, scratch);
}

// A row as f32.
export function embedQ3had(weight: usize, blockBytes: i32, row: i32, cols: i32, out: usize): void {
  const block = weight + <usize>((row >> 4) * blockBytes);
  const scale = load<f32>(block + <usize>(cols * 6 + ((row & 15) << 2)));
  const own = block + <usize>(((row & 7) << 1) + ((row & 15) >> 3));
  for (let k = 0; k < cols; k++) {
    const from = own + <usize>((k >> 3) * 48);
    const upper = (load<u8>(from + <usize>(((k >> 2) & 1) << 4)) >> <u8>((k & 3) << 1)) & 3;
    const lowest = (load<u8>(from, 32) >> <u8>(k & 7)) & 1;
    store<f32>(out + <usize>(k << 2), scale * (<f32>((upper << 1) | lowest) - 3.5));
  }
  rotate(out, cols);
}
