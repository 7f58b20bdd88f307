// The first half of attention (ops/attention.ts): queries as integers, and their scores over a page of keys.
import { keyLows, keyScales } from "./page";
import { max4 } from "./reduce";
import { round8 } from "./round";

// D · 2047 · queryLimit(D) < 2^31.
@inline function queryLimit(D: i32): f32 {
  return <f32>min(32767, 1048576 / D - 1);
}

// One query head → int16 at out; returns its scale, over √D.
@inline export function quantiseQuery(q: usize, D: i32, out: usize): f32 {
  let peak = f32x4.splat(0);
  for (let i = 0; i < D; i += 4) peak = f32x4.pmax(peak, f32x4.abs(v128.load(q + <usize>(i << 2))));
  const top = max4(peak);
  const limit = queryLimit(D);
  const toInt = f32x4.splat(top > 0 ? limit / top : 0);
  for (let i = 0; i < D; i += 8) v128.store(out + <usize>(i << 1), round8(q + <usize>(i << 2), toInt));
  return top / limit / sqrt<f32>(<f32>D);
}

// Eight channels of a key as int16: the low bits below the high byte, what lies under them shifted out.
@inline function lowerKeys(lows: v128, highs: v128): v128 {
  const both = v128.shuffle<i8>(lows, highs, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  return i16x8.shr_s(both, 4);
}

@inline function upperKeys(lows: v128, highs: v128): v128 {
  const both = v128.shuffle<i8>(lows, highs, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  return i16x8.shr_s(both, 4);
}

@inline function dotAdd(acc: v128, k: v128, q: usize): v128 {
  return i32x4.add(acc, i32x4.dot_i16x8_s(k, v128.load(q)));
}

// The sums of the lanes of a and of b, as the scores of two keys.
@inline function storeScores(out: usize, a: v128, b: v128, queryScale: v128, keyScale: v128): void {
  const pairs = i32x4.add(v128.shuffle<i32>(a, b, 0, 4, 1, 5), v128.shuffle<i32>(a, b, 2, 6, 3, 7));
  const dots = i32x4.add(pairs, v128.shuffle<i64>(pairs, pairs, 1, 1));
  v128.store64_lane(out, f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(dots), queryScale), keyScale), 0);
}

// Scores of `n` (1, 3 or 4) heads over the first `tokens` slots of one page, two keys at a time.
@inline export function pageScores(
  n: i32, block: usize, tokens: i32, D: i32, queries: usize, s0: v128, s1: v128, s2: v128, s3: v128, out: usize,
  row: usize,
): void {
  const q1 = <usize>(D << 1);
  const q2 = <usize>(D << 2);
  const q3 = <usize>(D * 6);
  let scale = block + keyScales(D);
  let high = block;
  let low = block + keyLows(D);
  for (let i = 0; i < tokens; i += 2) {
    let a0 = i32x4.splat(0), a1 = a0, a2 = a0, a3 = a0;
    let b0 = a0, b1 = a0, b2 = a0, b3 = a0;
    for (let c = 0; c < D; c += 32) {
      const q = queries + <usize>(c << 1);
      const aLows = v128.load(low + <usize>(c >> 1));
      const bLows = v128.load(low + <usize>((D + c) >> 1));
      for (let half = 0; half < 2; half++) {
        const qh = q + <usize>(half << 5);
        const aHighs = v128.load(high + <usize>(c + (half << 4)));
        const bHighs = v128.load(high + <usize>(D + c + (half << 4)));
        const al = half ? aLows : i16x8.shl(aLows, 4);
        const bl = half ? bLows : i16x8.shl(bLows, 4);
        let a = lowerKeys(al, aHighs);
        let b = lowerKeys(bl, bHighs);
        a0 = dotAdd(a0, a, qh);
        b0 = dotAdd(b0, b, qh);
        if (n > 1) {
          a1 = dotAdd(a1, a, qh + q1);
          b1 = dotAdd(b1, b, qh + q1);
          a2 = dotAdd(a2, a, qh + q2);
          b2 = dotAdd(b2, b, qh + q2);
        }
        if (n > 3) {
          a3 = dotAdd(a3, a, qh + q3);
          b3 = dotAdd(b3, b, qh + q3);
        }
        a = upperKeys(al, aHighs);
        b = upperKeys(bl, bHighs);
        a0 = dotAdd(a0, a, qh + 16);
        b0 = dotAdd(b0, b, qh + 16);
        if (n > 1) {
          a1 = dotAdd(a1, a, qh + q1 + 16);
          b1 = dotAdd(b1, b, qh + q1 + 16);
          a2 = dotAdd(a2, a, qh + q2 + 16);
          b2 = dotAdd(b2, b, qh + q2 + 16);
        }
        if (n > 3) {
          a3 = dotAdd(a3, a, qh + q3 + 16);
          b3 = dotAdd(b3, b, qh + q3 + 16);
        }
      }
    }
    const keyScale = v128.load64_zero(scale);
    storeScores(out, a0, b0, s0, keyScale);
    if (n > 1) {
      storeScores(out + row, a1, b1, s1, keyScale);
      storeScores(out + row + row, a2, b2, s2, keyScale);
    }
    if (n > 3) storeScores(out + row * 3, a3, b3, s3, keyScale);
    high += <usize>(D << 1);
    low += <usize>D;
    scale += 8;
    out += 8;
  }
}
