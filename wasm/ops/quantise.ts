// f32 vectors → activation records, alone or fused with RMSNorm or SwiGLU.
//   14 bits  scale = max|v| / 8191, q = round(v · 8191 / max|v|), halves to even
//   8 bits   scale · 64, (q + 32) >> 6, at most 127
import { planeOffset, recordBytes, sumsOffset, wordsOffset } from "../lib/activation";
import { bias, one, ones } from "../lib/constants";
import { dotWide } from "../lib/dot";
import { exp4, within60 } from "../lib/exp";
import { max4, storeSum, sum4 } from "../lib/reduce";
import { round4 } from "../lib/round";

const LIMIT: f32 = 8191.0;

// Four values at x, times inv and the norm's weight when there is one.
@inline function value(x: usize, weight: usize, inv: v128): v128 {
  const v = v128.load(x);
  return weight ? f32x4.mul(f32x4.mul(v, inv), v128.load(weight)) : v;
}

@inline function round(x: usize, weight: usize, inv: v128, toInt: v128): v128 {
  return round4(f32x4.mul(value(x, weight, inv), toInt));
}

// Largest magnitude, in four lanes.
@inline function peakOf(x: usize, weight: usize, inv: v128, n: i32): v128 {
  let peak = f32x4.splat(0);
  for (let k = 0; k < n; k += 4) {
    const at = <usize>(k << 2);
    peak = f32x4.pmax(peak, f32x4.abs(value(x + at, weight ? weight + at : 0, inv)));
  }
  return peak;
}

@inline function record(x: usize, weight: usize, invs: v128, top: f32, n: i32, act: usize): void {
  const toInt = f32x4.splat(top > 0 ? LIMIT / top : 0);
  store<f32>(act, top / LIMIT);
  store<f32>(act, (top / LIMIT) * 64.0, 4);

  let sums = act + sumsOffset<i16>(n);
  let sums8 = act + sumsOffset<i8>(n);
  let hi = act + planeOffset<i16>(n);
  let plane8 = act + planeOffset<i8>(n);
  const lo = <usize>n;
  const biased = <usize>(n << 1);
  let words = act + wordsOffset(n);
  const low7 = i16x8.splat(127);
  const half = i16x8.splat(32);
  for (let k = 0; k < n; k += 32) {
    let total = i32x4.splat(0);
    let total8 = i32x4.splat(0);
    for (let j = 0; j < 32; j += 16) {
      const at = <usize>((k + j) << 2);
      const w = weight ? weight + at : 0;
      const a = round(x + at, w, invs, toInt);
      const b = round(x + at + 16, weight ? w + 16 : 0, invs, toInt);
      const c = round(x + at + 32, weight ? w + 32 : 0, invs, toInt);
      const d = round(x + at + 48, weight ? w + 48 : 0, invs, toInt);
      total = i32x4.add(total, i32x4.add(i32x4.add(a, b), i32x4.add(c, d)));
      const ab = i16x8.narrow_i32x4_s(a, b);
      const cd = i16x8.narrow_i32x4_s(c, d);
      v128.store(words, ab);
      v128.store(words, cd, 16);
      const upper = i8x16.narrow_i16x8_s(i16x8.shr_s(ab, 7), i16x8.shr_s(cd, 7));
      v128.store(hi, upper);
      v128.store(hi + lo, i8x16.narrow_i16x8_s(v128.and(ab, low7), v128.and(cd, low7)));
      v128.store(hi + biased, i8x16.add(upper, bias()));
      // Narrowing saturates.
      const bytes = i8x16.narrow_i16x8_s(i16x8.shr_s(i16x8.add(ab, half), 6), i16x8.shr_s(i16x8.add(cd, half), 6));
      v128.store(plane8, bytes);
      total8 = dotWide(total8, bytes, ones());
      hi += 16;
      plane8 += 16;
      words += 32;
    }
    storeSum(sums, total);
    storeSum(sums8, total8);
    sums += 4;
    sums8 += 4;
  }
}

export function quantise(x: usize, n: i32, T: i32, act: usize): void {
  const none = f32x4.splat(0);
  for (let t = 0; t < T; t++) {
    record(x, 0, none, max4(peakOf(x, 0, none, n)), n, act);
    x += <usize>(n << 2);
    act += recordBytes(n);
  }
}

export function rmsnormQuantise(x: usize, weight: usize, n: i32, T: i32, epsilon: f32, act: usize): void {
  for (let t = 0; t < T; t++) {
    const inv = inverseRms(x, n, epsilon);
    record(x, weight, inv, max4(peakOf(x, weight, inv, n)), n, act);
    x += <usize>(n << 2);
    act += recordBytes(n);
  }
}

// 1 / sqrt(mean(x²) + epsilon) of n floats, in each lane. n is a multiple of 16.
@inline export function inverseRms(x: usize, n: i32, epsilon: f32): v128 {
  let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
  for (let k = 0; k < n; k += 16) {
    const at = x + <usize>(k << 2);
    a = f32x4.add(a, square(at));
    b = f32x4.add(b, square(at + 16));
    c = f32x4.add(c, square(at + 32));
    d = f32x4.add(d, square(at + 48));
  }
  const squares = sum4(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
  return f32x4.splat(<f32>1.0 / sqrt<f32>(squares / <f32>n + epsilon));
}

@inline function square(x: usize): v128 {
  const v = v128.load(x);
  return f32x4.mul(v, v);
}

export function swigluQuantise(gateUp: usize, n: i32, T: i32, act: usize): void {
  for (let t = 0; t < T; t++) {
    const up = gateUp + <usize>(n << 2);
    let peak = f32x4.splat(0);
    for (let k = 0; k < n; k += 4) {
      const at = <usize>(k << 2);
      const gate = v128.load(gateUp + at);
      const e = exp4(within60(gate));
      const silu = f32x4.mul(gate, f32x4.div(e, f32x4.add(e, one())));
      const product = f32x4.mul(silu, v128.load(up + at));
      peak = f32x4.pmax(peak, f32x4.abs(product));
      v128.store(gateUp + at, product);
    }
    record(gateUp, 0, peak, max4(peak), n, act);
    gateUp += <usize>(n << 3);
    act += recordBytes(n);
  }
}
