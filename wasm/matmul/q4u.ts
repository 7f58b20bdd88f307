// out[t][r] (+)= Σ_k (nibble · d + m)[r][k] · x[t][k], weights in q4u tiles (drawn in src/model/layouts.ts),
// activations in 15-bit records (src/kernels/abi.ts).
//
// Per group of 32 columns:  acc += f32(dot) · d + m · Σx,  dot = Σ nibble · q exact in int32 (≤ 15 · 16383 · 32 < 2^23).
//
// Relaxed form: nibbles are the i7 operand (0 … 15), the int8 planes of the activation the i8 operand, so every engine
// computes the same integers:  dot = 128 · dot8(hi, nibble) + dot8(lo, nibble).
// Plain form: a 16-bit lane of the tile holds columns (0 4 1 5) or (2 6 3 7) of a row as nibbles, so masks and shifts by
// 0, 4, 8, 12 leave the column pairs (0 2) (4 6) (1 3) (5 7), which meet the activation's int16 pairs in dot_i16x8.
import { hiOffset, loOffset, pairsOffset, recordBytes, sumsOffset } from "../lib/activation";
import { f16x4 } from "../lib/f16";
import { storeRows } from "../lib/rows";

@inline const TILE: usize = 320;
@inline const SCALES: usize = 256;
@inline const MINIMA: usize = 288;

// A quad is the four rows of one 128-bit lane group; step s covers columns 8s … 8s + 7.

@inline function quadStep(w: v128, x0: v128, x1: v128, mask: v128, acc: v128): v128 {
  acc = i32x4.relaxed_dot_i8x16_i7x16_add_s(x0, v128.and(w, mask), acc);
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(x1, v128.and(i16x8.shr_u(w, 4), mask), acc);
}

@inline function quadStepPairs(w: v128, pairs: usize, mask: v128, acc: v128): v128 {
  acc = i32x4.add(acc, i32x4.dot_i16x8_s(v128.and(w, mask), v128.load_splat<i32>(pairs)));
  acc = i32x4.add(acc, i32x4.dot_i16x8_s(v128.and(i16x8.shr_u(w, 8), mask), v128.load_splat<i32>(pairs, 4)));
  acc = i32x4.add(acc, i32x4.dot_i16x8_s(v128.and(i16x8.shr_u(w, 4), mask), v128.load_splat<i32>(pairs, 8)));
  return i32x4.add(acc, i32x4.dot_i16x8_s(i16x8.shr_u(w, 12), v128.load_splat<i32>(pairs, 12)));
}

// acc + (dot · d + m · Σx)
@inline function finishGroup(acc: v128, dot: v128, d: v128, m: v128, sum: v128): v128 {
  return f32x4.add(acc, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(dot), d), f32x4.mul(m, sum)));
}

@inline function scales(tile: usize, quad: usize): v128 {
  return f16x4(tile + SCALES + quad * 8);
}

@inline function minima(tile: usize, quad: usize): v128 {
  return f16x4(tile + MINIMA + quad * 8);
}

// One token against all rows: sixteen rows share each broadcast of the activation.
function oneToken(act: usize, weight: usize, rows: i32, cols: i32, out: usize, accumulate: i32): void {
  const mask = ASC_FEATURE_RELAXED_SIMD ? i8x16.splat(15) : i16x8.splat(15);
  const groups = cols >> 5;
  const scale = load<f32>(act);
  let tile = weight;
  for (let r = 0; r < rows; r += 16) {
    let a0 = f32x4.splat(0), a1 = f32x4.splat(0), a2 = f32x4.splat(0), a3 = f32x4.splat(0);
    let sums = act + sumsOffset();
    let pairs = act + pairsOffset(cols);
    let hi = act + hiOffset(cols);
    let lo = act + loOffset(cols);
    for (let g = 0; g < groups; g++) {
      let h0 = i32x4.splat(0), h1 = i32x4.splat(0), h2 = i32x4.splat(0), h3 = i32x4.splat(0);
      let l0 = i32x4.splat(0), l1 = i32x4.splat(0), l2 = i32x4.splat(0), l3 = i32x4.splat(0);
      for (let s: usize = 0; s < 4; s++) {
        const w = tile + s * 64;
        if (ASC_FEATURE_RELAXED_SIMD) {
          const xh0 = v128.load_splat<i32>(hi + s * 8);
          const xh1 = v128.load_splat<i32>(hi + s * 8, 4);
          const xl0 = v128.load_splat<i32>(lo + s * 8);
          const xl1 = v128.load_splat<i32>(lo + s * 8, 4);
          const w0 = v128.load(w);
          h0 = quadStep(w0, xh0, xh1, mask, h0);
          l0 = quadStep(w0, xl0, xl1, mask, l0);
          const w1 = v128.load(w, 16);
          h1 = quadStep(w1, xh0, xh1, mask, h1);
          l1 = quadStep(w1, xl0, xl1, mask, l1);
          const w2 = v128.load(w, 32);
          h2 = quadStep(w2, xh0, xh1, mask, h2);
          l2 = quadStep(w2, xl0, xl1, mask, l2);
          const w3 = v128.load(w, 48);
          h3 = quadStep(w3, xh0, xh1, mask, h3);
          l3 = quadStep(w3, xl0, xl1, mask, l3);
        } else {
          const x = pairs + s * 16;
          l0 = quadStepPairs(v128.load(w), x, mask, l0);
          l1 = quadStepPairs(v128.load(w, 16), x, mask, l1);
          l2 = quadStepPairs(v128.load(w, 32), x, mask, l2);
          l3 = quadStepPairs(v128.load(w, 48), x, mask, l3);
        }
      }
      const sum = v128.load_splat<f32>(sums);
      a0 = finishGroup(a0, i32x4.add(i32x4.shl(h0, 7), l0), scales(tile, 0), minima(tile, 0), sum);
      a1 = finishGroup(a1, i32x4.add(i32x4.shl(h1, 7), l1), scales(tile, 1), minima(tile, 1), sum);
      a2 = finishGroup(a2, i32x4.add(i32x4.shl(h2, 7), l2), scales(tile, 2), minima(tile, 2), sum);
      a3 = finishGroup(a3, i32x4.add(i32x4.shl(h3, 7), l3), scales(tile, 3), minima(tile, 3), sum);
      tile += TILE;
      sums += 4;
      pairs += 64;
      hi += 32;
      lo += 32;
    }
    const at = out + <usize>(r << 2);
    storeRows(at, a0, scale, rows - r, accumulate);
    storeRows(at + 16, a1, scale, rows - r - 4, accumulate);
    storeRows(at + 32, a2, scale, rows - r - 8, accumulate);
    storeRows(at + 48, a3, scale, rows - r - 12, accumulate);
  }
}

// Four tokens against one quad of rows of one 16-row block: each decoded weight meets four activations.
function fourTokens(act: usize, block: usize, quad: usize, rowsLeft: i32, cols: i32, out: usize, stride: usize, accumulate: i32): void {
  const mask = ASC_FEATURE_RELAXED_SIMD ? i8x16.splat(15) : i16x8.splat(15);
  const groups = cols >> 5;
  const record = recordBytes(cols);
  let a0 = f32x4.splat(0), a1 = f32x4.splat(0), a2 = f32x4.splat(0), a3 = f32x4.splat(0);
  let sums = act + sumsOffset();
  let x0 = act + (ASC_FEATURE_RELAXED_SIMD ? hiOffset(cols) : pairsOffset(cols));
  let x1 = x0 + record, x2 = x1 + record, x3 = x2 + record;
  const low = <usize>cols;
  let tile = block;
  for (let g = 0; g < groups; g++) {
    let h0 = i32x4.splat(0), h1 = i32x4.splat(0), h2 = i32x4.splat(0), h3 = i32x4.splat(0);
    let l0 = i32x4.splat(0), l1 = i32x4.splat(0), l2 = i32x4.splat(0), l3 = i32x4.splat(0);
    for (let s: usize = 0; s < 4; s++) {
      const w = v128.load(tile + quad * 16 + s * 64);
      if (ASC_FEATURE_RELAXED_SIMD) {
        const at = s * 8;
        h0 = quadStep(w, v128.load_splat<i32>(x0 + at), v128.load_splat<i32>(x0 + at, 4), mask, h0);
        l0 = quadStep(w, v128.load_splat<i32>(x0 + low + at), v128.load_splat<i32>(x0 + low + at, 4), mask, l0);
        h1 = quadStep(w, v128.load_splat<i32>(x1 + at), v128.load_splat<i32>(x1 + at, 4), mask, h1);
        l1 = quadStep(w, v128.load_splat<i32>(x1 + low + at), v128.load_splat<i32>(x1 + low + at, 4), mask, l1);
        h2 = quadStep(w, v128.load_splat<i32>(x2 + at), v128.load_splat<i32>(x2 + at, 4), mask, h2);
        l2 = quadStep(w, v128.load_splat<i32>(x2 + low + at), v128.load_splat<i32>(x2 + low + at, 4), mask, l2);
        h3 = quadStep(w, v128.load_splat<i32>(x3 + at), v128.load_splat<i32>(x3 + at, 4), mask, h3);
        l3 = quadStep(w, v128.load_splat<i32>(x3 + low + at), v128.load_splat<i32>(x3 + low + at, 4), mask, l3);
      } else {
        l0 = quadStepPairs(w, x0 + s * 16, mask, l0);
        l1 = quadStepPairs(w, x1 + s * 16, mask, l1);
        l2 = quadStepPairs(w, x2 + s * 16, mask, l2);
        l3 = quadStepPairs(w, x3 + s * 16, mask, l3);
      }
    }
    const d = scales(tile, quad);
    const m = minima(tile, quad);
    a0 = finishGroup(a0, i32x4.add(i32x4.shl(h0, 7), l0), d, m, v128.load_splat<f32>(sums));
    a1 = finishGroup(a1, i32x4.add(i32x4.shl(h1, 7), l1), d, m, v128.load_splat<f32>(sums + record));
    a2 = finishGroup(a2, i32x4.add(i32x4.shl(h2, 7), l2), d, m, v128.load_splat<f32>(sums + record * 2));
    a3 = finishGroup(a3, i32x4.add(i32x4.shl(h3, 7), l3), d, m, v128.load_splat<f32>(sums + record * 3));
    tile += TILE;
    sums += 4;
    const step: usize = ASC_FEATURE_RELAXED_SIMD ? 32 : 64;
    x0 += step;
    x1 += step;
    x2 += step;
    x3 += step;
  }
  storeRows(out, a0, load<f32>(act), rowsLeft, accumulate);
  storeRows(out + stride, a1, load<f32>(act + record), rowsLeft, accumulate);
  storeRows(out + stride * 2, a2, load<f32>(act + record * 2), rowsLeft, accumulate);
  storeRows(out + stride * 3, a3, load<f32>(act + record * 3), rowsLeft, accumulate);
}

export function matmulQ4u(
  act: usize, T: i32, weight: usize, rows: i32, cols: i32, out: usize, outStride: i32, accumulate: i32,
): void {
  const record = recordBytes(cols);
  const stride = <usize>(outStride << 2);
  if (T == 1) {
    oneToken(act, weight, rows, cols, out, accumulate);
    return;
  }
  const blockBytes = TILE * <usize>(cols >> 5);
  for (let r = 0; r < rows; r += 16) {
    let t = 0;
    for (; t + 4 <= T; t += 4) {
      const x = act + record * t;
      const o = out + stride * t + <usize>(r << 2);
      for (let q = 0; q < 4; q++) {
        fourTokens(x, weight, q, rows - r - q * 4, cols, o + <usize>(q << 4), stride, accumulate);
      }
    }
    for (; t < T; t++) {
      oneToken(act + record * t, weight, min(16, rows - r), cols, out + stride * t + <usize>(r << 2), accumulate);
    }
    weight += blockBytes;
  }
}
