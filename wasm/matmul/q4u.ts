// out[t][r] (+)= Σ_k (nibble · d + m)[r][k] · x[t][k], weights in q4u tiles (drawn in src/core/model/formats/q4u.ts),
// activations of 14 or 8 bits (src/core/kernels/abi.ts).
//
// Per group of 32 columns:  acc += f32(dot) · d + m · Σx,  dot = Σ nibble · q exact in int32 (≤ 15 · 8191 · 32 <
// 2^22). Nibbles, 0 … 15, are the unsigned operand, the planes of the activation the signed one. A narrow lane sums
// eight pairs: at most 8 · 2 · 15 · 128 < 2^15.
import { planeOffset, recordBytes, scaleOf, sumsOffset } from "../lib/activation";
import { nibbles } from "../lib/constants";
import { dotNarrow, join, seed, settle, widen } from "../lib/dot";
import { f16, fromTiny, tiny4 } from "../lib/f16";
import { storeStrip } from "../lib/rows";
import { drive } from "./drive";

// Bytes of a tile: nibbles, then sixteen d, then sixteen m.
@inline const TILE: usize = 320;
@inline const D: usize = 256;
@inline const M: usize = 288;

// Four rows and eight columns.
@inline function quad(acc: v128, w: v128, x0: v128, x1: v128): v128 {
  acc = dotNarrow(acc, x0, v128.and(w, nibbles()));
  return dotNarrow(acc, x1, v128.and(i16x8.shr_u(w, 4), nibbles()));
}

// acc + (dot · d + m · Σx), in tinies.
@inline function finish(acc: v128, dot: v128, scales: usize, sum: v128): v128 {
  const product = f32x4.mul(f32x4.convert_i32x4_s(dot), tiny4(scales));
  return f32x4.add(acc, f32x4.add(product, f32x4.mul(tiny4(scales + (M - D)), sum)));
}

@inline function whole<P>(hi: v128, lo: v128): v128 {
  return sizeof<P>() == 2 ? join(hi, lo) : widen(hi);
}

@inline function last<P>(hi: v128, lo: v128): v128 {
  return sizeof<P>() == 2 ? settle(hi, lo) : widen(lo);
}

@unmanaged
class Q4u<P> {
  // All sixteen rows share each broadcast: in workerd every load pays for a check of its bounds.
  one(x: usize, tile: usize, rowsLeft: i32, cols: i32, out: usize, accumulate: i32): void {
    const low = <usize>cols;
    let a0 = f32x4.splat(0), a1 = f32x4.splat(0), a2 = f32x4.splat(0), a3 = f32x4.splat(0);
    let sums = x + sumsOffset<P>(cols);
    let hi = x + planeOffset<P>(cols);
    const end = hi + low;
    while (hi < end) {
      let h0 = i32x4.splat(0), h1 = i32x4.splat(0), h2 = i32x4.splat(0), h3 = i32x4.splat(0);
      let l0 = i32x4.splat(0), l1 = i32x4.splat(0), l2 = i32x4.splat(0), l3 = i32x4.splat(0);
      const next = hi + 32;
      while (hi < next) {
        const x0 = v128.load_splat<i32>(hi), x1 = v128.load_splat<i32>(hi, 4);
        const y0 = sizeof<P>() == 2 ? v128.load_splat<i32>(hi + low) : x0;
        const y1 = sizeof<P>() == 2 ? v128.load_splat<i32>(hi + low, 4) : x1;
        const w0 = v128.load(tile);
        h0 = quad(h0, w0, x0, x1);
        if (sizeof<P>() == 2) l0 = quad(l0, w0, y0, y1);
        const w1 = v128.load(tile, 16);
        h1 = quad(h1, w1, x0, x1);
        if (sizeof<P>() == 2) l1 = quad(l1, w1, y0, y1);
        const w2 = v128.load(tile, 32);
        h2 = quad(h2, w2, x0, x1);
        if (sizeof<P>() == 2) l2 = quad(l2, w2, y0, y1);
        const w3 = v128.load(tile, 48);
        h3 = quad(h3, w3, x0, x1);
        if (sizeof<P>() == 2) l3 = quad(l3, w3, y0, y1);
        tile += 64;
        hi += 8;
      }
      const sum = v128.load_splat<f32>(sums);
      a0 = finish(a0, whole<P>(h0, l0), tile, sum);
      a1 = finish(a1, whole<P>(h1, l1), tile + 8, sum);
      a2 = finish(a2, whole<P>(h2, l2), tile + 16, sum);
      a3 = finish(a3, whole<P>(h3, l3), tile + 24, sum);
      tile += TILE - D;
      sums += 4;
    }
    storeStrip(out, fromTiny(a0), fromTiny(a1), scaleOf<P>(x), rowsLeft, accumulate);
    storeStrip(out + 32, fromTiny(a2), fromTiny(a3), scaleOf<P>(x), rowsLeft - 8, accumulate);
  }

  // Eight rows, a strip, against four tokens, one plane after the other: each decoded weight meets four activations.
  // Letters are tokens, the digit is the upper (0) or lower (1) four rows of the strip:
  //
  //   a b c d   what tokens 0 … 3 have so far, over all groups of columns
  //   i j k l   dot products of tokens 0 … 3 in this group; of the plane lo once h … e hold those of hi
  //   h g f e   the hi plane's dot products of tokens 0 … 3
  //   s, w      nibbles of columns 0 … 3 and 4 … 7; u, v the activations that meet them
  four(x: usize, tiles: usize, rowsLeft: i32, cols: i32, out: usize, stride: usize, accumulate: i32): void {
    const low = <usize>cols;
    const record = recordBytes(cols);
    for (let strip = 0; strip < 16 && strip < rowsLeft; strip += 8) {
      let a0 = f32x4.splat(0), a1 = f32x4.splat(0), b0 = f32x4.splat(0), b1 = f32x4.splat(0);
      let c0 = f32x4.splat(0), c1 = f32x4.splat(0), d0 = f32x4.splat(0), d1 = f32x4.splat(0);
      let tile = tiles + <usize>(strip << 2);
      let sums = x + sumsOffset<P>(cols);
      let p = x + planeOffset<P>(cols);
      const end = p + low;
      while (p < end) {
        let i0 = i32x4.splat(0), i1 = i32x4.splat(0), j0 = i32x4.splat(0), j1 = i32x4.splat(0);
        let k0 = i32x4.splat(0), k1 = i32x4.splat(0), l0 = i32x4.splat(0), l1 = i32x4.splat(0);
        let h0 = i0, h1 = i1, g0 = j0, g1 = j1, f0 = k0, f1 = k1, e0 = l0, e1 = l1;
        for (let plane = 0; plane < (sizeof<P>() == 2 ? 2 : 1); plane++) {
          let y = plane ? p + low : p;
          const next = y + 32;
          while (y < next) {
            let w0 = v128.load(tile), w1 = v128.load(tile, 16);
            const s0 = v128.and(w0, nibbles()), s1 = v128.and(w1, nibbles());
            w0 = v128.and(i16x8.shr_u(w0, 4), nibbles());
            w1 = v128.and(i16x8.shr_u(w1, 4), nibbles());
            let z = y;
            let u = v128.load_splat<i32>(z), v = v128.load_splat<i32>(z, 4);
            i0 = dotNarrow(dotNarrow(i0, u, s0), v, w0);
            i1 = dotNarrow(dotNarrow(i1, u, s1), v, w1);
            z += record;
            u = v128.load_splat<i32>(z);
            v = v128.load_splat<i32>(z, 4);
            j0 = dotNarrow(dotNarrow(j0, u, s0), v, w0);
            j1 = dotNarrow(dotNarrow(j1, u, s1), v, w1);
            z += record;
            u = v128.load_splat<i32>(z);
            v = v128.load_splat<i32>(z, 4);
            k0 = dotNarrow(dotNarrow(k0, u, s0), v, w0);
            k1 = dotNarrow(dotNarrow(k1, u, s1), v, w1);
            z += record;
            u = v128.load_splat<i32>(z);
            v = v128.load_splat<i32>(z, 4);
            l0 = dotNarrow(dotNarrow(l0, u, s0), v, w0);
            l1 = dotNarrow(dotNarrow(l1, u, s1), v, w1);
            tile += 64;
            y += 8;
          }
          if (sizeof<P>() == 2 && plane == 0) {
            h0 = i0, h1 = i1, g0 = j0, g1 = j1, f0 = k0, f1 = k1, e0 = l0, e1 = l1;
            i0 = seed(i0), i1 = seed(i1), j0 = seed(j0), j1 = seed(j1);
            k0 = seed(k0), k1 = seed(k1), l0 = seed(l0), l1 = seed(l1);
            tile -= D;
          }
        }
        // `tile` is as far past the nibbles as the strip begins in a step; scales are half as wide.
        const scales = tile - <usize>(strip << 1);
        let sum = v128.load_splat<f32>(sums);
        a0 = finish(a0, last<P>(h0, i0), scales, sum);
        a1 = finish(a1, last<P>(h1, i1), scales + 8, sum);
        sum = v128.load_splat<f32>(sums + record);
        b0 = finish(b0, last<P>(g0, j0), scales, sum);
        b1 = finish(b1, last<P>(g1, j1), scales + 8, sum);
        sum = v128.load_splat<f32>(sums + record * 2);
        c0 = finish(c0, last<P>(f0, k0), scales, sum);
        c1 = finish(c1, last<P>(f1, k1), scales + 8, sum);
        sum = v128.load_splat<f32>(sums + record * 3);
        d0 = finish(d0, last<P>(e0, l0), scales, sum);
        d1 = finish(d1, last<P>(e1, l1), scales + 8, sum);
        tile += TILE - D;
        sums += 4;
        p += 32;
      }
      let to = out + <usize>(strip << 2);
      storeStrip(to, fromTiny(a0), fromTiny(a1), scaleOf<P>(x), rowsLeft - strip, accumulate);
      to += stride;
      storeStrip(to, fromTiny(b0), fromTiny(b1), scaleOf<P>(x + record), rowsLeft - strip, accumulate);
      to += stride;
      storeStrip(to, fromTiny(c0), fromTiny(c1), scaleOf<P>(x + record * 2), rowsLeft - strip, accumulate);
      to += stride;
      storeStrip(to, fromTiny(d0), fromTiny(d1), scaleOf<P>(x + record * 3), rowsLeft - strip, accumulate);
    }
  }
}

export function matmulQ4u(
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
    drive<Q4u<i8>, i8>(act, T, weight, blockBytes, rows, cols, out, outStride, accumulate);
  } else {
    drive<Q4u<i16>, i16>(act, T, weight, blockBytes, rows, cols, out, outStride, accumulate);
  }
}

// A row as f32.
export function embedQ4u(weight: usize, blockBytes: i32, row: i32, cols: i32, out: usize): void {
  const r = row & 15;
  let tile = weight + <usize>((row >> 4) * blockBytes);
  for (let g = 0; g < cols >> 5; g++) {
    const d = f16(tile + D + <usize>(r << 1));
    const m = f16(tile + M + <usize>(r << 1));
    for (let k = 0; k < 32; k++) {
      const byte = load<u8>(tile + <usize>((k >> 3) * 64 + r * 4 + (k & 3)));
      const nibble = k & 4 ? byte >> 4 : byte & 15;
      store<f32>(out, <f32>nibble * d + m);
      out += 4;
    }
    tile += TILE;
  }
}
