// q8 as in q8.ts, for CPUs on which the relaxed dot product is not one instruction. Weights are widened to int16 as
// they are loaded and multiplied by the activation's int16 plane: 8 products in one instruction, where two int8 planes
// take three instructions for 16. A load of 8 bytes is 2 rows × 4 columns, so a lane sums two columns; `quad` adds the
// lanes of a row.
import { recordBytes, scaleOf, wordsOffset } from "../lib/activation";
import { fromTiny, tiny4 } from "../lib/f16";
import { storeRows, storeStrip } from "../lib/rows";
import { D, TILE } from "./q8-tile";

@inline function step(acc: v128, weight: usize, x: v128): v128 {
  return i32x4.add(acc, i32x4.dot_i16x8_s(v128.load_ext<i8>(weight), x));
}

// Four rows' sums of two rows' lanes each.
@inline function quad(a: v128, b: v128): v128 {
  return i32x4.add(i32x4.shuffle(a, b, 0, 2, 4, 6), i32x4.shuffle(a, b, 1, 3, 5, 7));
}

// acc + dot · d, in tinies.
@inline function finish(acc: v128, dot: v128, scales: usize): v128 {
  return f32x4.add(acc, f32x4.mul(f32x4.convert_i32x4_s(dot), tiny4(scales)));
}

@unmanaged
export class Q8Words {
  // All sixteen rows share each broadcast.
  one(x: usize, tile: usize, rowsLeft: i32, cols: i32, out: usize, accumulate: i32): void {
    let a0 = f32x4.splat(0), a1 = f32x4.splat(0), a2 = f32x4.splat(0), a3 = f32x4.splat(0);
    let words = x + wordsOffset(cols);
    const end = words + <usize>(cols << 1);
    while (words < end) {
      let i0 = i32x4.splat(0), i1 = i32x4.splat(0), i2 = i32x4.splat(0), i3 = i32x4.splat(0);
      let i4 = i32x4.splat(0), i5 = i32x4.splat(0), i6 = i32x4.splat(0), i7 = i32x4.splat(0);
      const next = words + 64;
      while (words < next) {
        const y = v128.load_splat<i64>(words);
        i0 = step(i0, tile, y);
        i1 = step(i1, tile + 8, y);
        i2 = step(i2, tile + 16, y);
        i3 = step(i3, tile + 24, y);
        i4 = step(i4, tile + 32, y);
        i5 = step(i5, tile + 40, y);
        i6 = step(i6, tile + 48, y);
        i7 = step(i7, tile + 56, y);
        tile += 64;
        words += 8;
      }
      a0 = finish(a0, quad(i0, i1), tile);
      a1 = finish(a1, quad(i2, i3), tile + 8);
      a2 = finish(a2, quad(i4, i5), tile + 16);
      a3 = finish(a3, quad(i6, i7), tile + 24);
      tile += TILE - D;
    }
    storeStrip(out, fromTiny(a0), fromTiny(a1), scaleOf<i16>(x), rowsLeft, accumulate);
    storeStrip(out + 32, fromTiny(a2), fromTiny(a3), scaleOf<i16>(x), rowsLeft - 8, accumulate);
  }

  // Four rows against four tokens: each weight, once widened, meets four activations. In `rows` the letters a b c d and
  // i j k l are the tokens 0 … 3; the digit of i … l is the upper (0) or lower (1) two of the four rows.
  four(x: usize, tile: usize, rowsLeft: i32, cols: i32, out: usize, stride: usize, accumulate: i32): void {
    for (let row = 0; row < 16 && row < rowsLeft; row += 4) {
      this.rows(x, tile, <usize>(row << 2), rowsLeft - row, cols, out + <usize>(row << 2), stride, accumulate);
    }
  }

  rows(x: usize, tile: usize, at: usize, rowsLeft: i32, cols: i32, out: usize, stride: usize, accumulate: i32): void {
    const record = recordBytes(cols);
    let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
    let words = x + wordsOffset(cols);
    const end = words + <usize>(cols << 1);
    const scales: usize = D + (at >> 1);
    while (words < end) {
      let i0 = i32x4.splat(0), i1 = i32x4.splat(0), j0 = i32x4.splat(0), j1 = i32x4.splat(0);
      let k0 = i32x4.splat(0), k1 = i32x4.splat(0), l0 = i32x4.splat(0), l1 = i32x4.splat(0);
      const next = words + 64;
      let w = tile + at;
      while (words < next) {
        const w0 = v128.load_ext<i8>(w), w1 = v128.load_ext<i8>(w, 8);
        let from = words;
        let y = v128.load_splat<i64>(from);
        i0 = i32x4.add(i0, i32x4.dot_i16x8_s(w0, y));
        i1 = i32x4.add(i1, i32x4.dot_i16x8_s(w1, y));
        from += record;
        y = v128.load_splat<i64>(from);
        j0 = i32x4.add(j0, i32x4.dot_i16x8_s(w0, y));
        j1 = i32x4.add(j1, i32x4.dot_i16x8_s(w1, y));
        from += record;
        y = v128.load_splat<i64>(from);
        k0 = i32x4.add(k0, i32x4.dot_i16x8_s(w0, y));
        k1 = i32x4.add(k1, i32x4.dot_i16x8_s(w1, y));
        from += record;
        y = v128.load_splat<i64>(from);
        l0 = i32x4.add(l0, i32x4.dot_i16x8_s(w0, y));
        l1 = i32x4.add(l1, i32x4.dot_i16x8_s(w1, y));
        w += 64;
        words += 8;
      }
      a = finish(a, quad(i0, i1), tile + scales);
      b = finish(b, quad(j0, j1), tile + scales);
      c = finish(c, quad(k0, k1), tile + scales);
      d = finish(d, quad(l0, l1), tile + scales);
      tile += TILE;
    }
    storeRows(out, fromTiny(a), scaleOf<i16>(x), rowsLeft, accumulate);
    storeRows(out + stride, fromTiny(b), scaleOf<i16>(x + record), rowsLeft, accumulate);
    storeRows(out + stride * 2, fromTiny(c), scaleOf<i16>(x + record * 2), rowsLeft, accumulate);
    storeRows(out + stride * 3, fromTiny(d), scaleOf<i16>(x + record * 3), rowsLeft, accumulate);
  }
}
