// out[t][r] (+)= Σ_k (byte · d)[r][k] · x[t][k], weights in q8 tiles (drawn in src/core/model/formats/q8.ts),
// activations in 14-bit records (src/core/kernels/abi.ts).
//
// Per group of 32 columns:  acc += f32(dot) · d,  dot = Σ byte · q exact in int32 (≤ 128 · 8191 · 32 < 2^25).
// Weights are the signed operand here, so the activation must be the unsigned one: the biased plane stands for hi, and
// Σ byte · hi = Σ byte · (hi + 64) − 64 · Σ byte, where the tile knows Σ byte. Eight bits of activation would need two
// planes as well, so 14 are read whatever is asked for.
import { planeOffset, recordBytes, scaleOf } from "../lib/activation";
import { dotWide } from "../lib/dot";
import { f16, fromTiny, tiny4 } from "../lib/f16";
import { storeRows, storeStrip } from "../lib/rows";
import { drive } from "./drive";
import { Q8Words } from "./q8-words";
import { D, SUMS, TILE } from "./q8-tile";

// The form below is for one-instruction dot products; q8-words.ts is for the rest.

// acc + dot · d, in tinies.
@inline function finish(acc: v128, biased: v128, lo: v128, scales: usize): v128 {
  const dot = i32x4.add(i32x4.shl(biased, 7), i32x4.sub(lo, i32x4.shl(v128.load_ext<i16>(scales + (SUMS - D)), 13)));
  return f32x4.add(acc, f32x4.mul(f32x4.convert_i32x4_s(dot), tiny4(scales)));
}

@unmanaged
class Q8 {
  // All sixteen rows share each broadcast of both planes.
  one(x: usize, tile: usize, rowsLeft: i32, cols: i32, out: usize, accumulate: i32): void {
    const up = <usize>cols;
    let a0 = f32x4.splat(0), a1 = f32x4.splat(0), a2 = f32x4.splat(0), a3 = f32x4.splat(0);
    let lo = x + planeOffset<i16>(cols) + up;
    const end = lo + up;
    while (lo < end) {
      let h0 = i32x4.splat(0), h1 = i32x4.splat(0), h2 = i32x4.splat(0), h3 = i32x4.splat(0);
      let l0 = i32x4.splat(0), l1 = i32x4.splat(0), l2 = i32x4.splat(0), l3 = i32x4.splat(0);
      const next = lo + 32;
      while (lo < next) {
        const xl = v128.load_splat<i32>(lo), xh = v128.load_splat<i32>(lo + up);
        const w0 = v128.load(tile), w1 = v128.load(tile, 16), w2 = v128.load(tile, 32), w3 = v128.load(tile, 48);
        h0 = dotWide(h0, w0, xh);
        l0 = dotWide(l0, w0, xl);
        h1 = dotWide(h1, w1, xh);
        l1 = dotWide(l1, w1, xl);
        h2 = dotWide(h2, w2, xh);
        l2 = dotWide(l2, w2, xl);
        h3 = dotWide(h3, w3, xh);
        l3 = dotWide(l3, w3, xl);
        tile += 64;
        lo += 4;
      }
      a0 = finish(a0, h0, l0, tile);
      a1 = finish(a1, h1, l1, tile + 8);
      a2 = finish(a2, h2, l2, tile + 16);
      a3 = finish(a3, h3, l3, tile + 24);
      tile += TILE - D;
    }
    storeStrip(out, fromTiny(a0), fromTiny(a1), scaleOf<i16>(x), rowsLeft, accumulate);
    storeStrip(out + 32, fromTiny(a2), fromTiny(a3), scaleOf<i16>(x), rowsLeft - 8, accumulate);
  }

  // Four rows against four tokens: each weight, once loaded, meets four activations. In `quad` the letters a b c d are
  // the tokens 0 … 3, as the digits of h (plane hi + 64) and l (plane lo) are.
  four(x: usize, tile: usize, rowsLeft: i32, cols: i32, out: usize, stride: usize, accumulate: i32): void {
    for (let row = 0; row < 16 && row < rowsLeft; row += 4) {
      this.quad(x, tile, <usize>(row << 2), rowsLeft - row, cols, out + <usize>(row << 2), stride, accumulate);
    }
  }

  quad(x: usize, tile: usize, at: usize, rowsLeft: i32, cols: i32, out: usize, stride: usize, accumulate: i32): void {
    const up = <usize>cols;
    const record = recordBytes(cols);
    let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
    let lo = x + planeOffset<i16>(cols) + up;
    const end = lo + up;
    const scales: usize = D + (at >> 1);
    while (lo < end) {
      let h0 = i32x4.splat(0), h1 = i32x4.splat(0), h2 = i32x4.splat(0), h3 = i32x4.splat(0);
      let l0 = i32x4.splat(0), l1 = i32x4.splat(0), l2 = i32x4.splat(0), l3 = i32x4.splat(0);
      const next = lo + 32;
      let w = tile + at;
      while (lo < next) {
        const bytes = v128.load(w);
        let y = lo;
        l0 = dotWide(l0, bytes, v128.load_splat<i32>(y));
        h0 = dotWide(h0, bytes, v128.load_splat<i32>(y + up));
        y += record;
        l1 = dotWide(l1, bytes, v128.load_splat<i32>(y));
        h1 = dotWide(h1, bytes, v128.load_splat<i32>(y + up));
        y += record;
        l2 = dotWide(l2, bytes, v128.load_splat<i32>(y));
        h2 = dotWide(h2, bytes, v128.load_splat<i32>(y + up));
        y += record;
        l3 = dotWide(l3, bytes, v128.load_splat<i32>(y));
        h3 = dotWide(h3, bytes, v128.load_splat<i32>(y + up));
        w += 64;
        lo += 4;
      }
      a = finish(a, h0, l0, tile + scales);
      b = finish(b, h1, l1, tile + scales);
      c = finish(c, h2, l2, tile + scales);
      d = finish(d, h3, l3, tile + scales);
      tile += TILE;
    }
    storeRows(out, fromTiny(a), scaleOf<i16>(x), rowsLeft, accumulate);
    storeRows(out + stride, fromTiny(b), scaleOf<i16>(x + record), rowsLeft, accumulate);
    storeRows(out + stride * 2, fromTiny(c), scaleOf<i16>(x + record * 2), rowsLeft, accumulate);
    storeRows(out + stride * 3, fromTiny(d), scaleOf<i16>(x + record * 3), rowsLeft, accumulate);
  }
}

export function matmulQ8(
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
  _scratch: usize,
): void {
  if (SHAPE == SHAPE_I32) {
    drive<Q8, i16>(act, T, weight, blockBytes, rows, cols, out, outStride, accumulate);
  } else {
    drive<Q8Words, i16>(act, T, weight, blockBytes, rows, cols, out, outStride, accumulate);
  }
}

// A row as f32.
export function embedQ8(weight: usize, blockBytes: i32, row: i32, cols: i32, out: usize): void {
  const r = row & 15;
  let tile = weight + <usize>((row >> 4) * blockBytes);
  for (let g = 0; g < cols >> 5; g++) {
    const d = f16(tile + D + <usize>(r << 1));
    for (let k = 0; k < 32; k++) {
      store<f32>(out, <f32>load<i8>(tile + <usize>((k >> 2) * 64 + r * 4 + (k & 3))) * d);
      out += 4;
    }
    tile += TILE;
  }
}
