// Products of signed bytes `a` and bytes `b` of 0 … 127, four neighbours to a 32-bit lane, in the shape this build is
// for. asc's `--use SHAPE=…` picks it; all three give the same integers.
//
//   SHAPE_I32   i32x4.relaxed_dot: one instruction with AVX-VNNI or SDOT, three without
//   SHAPE_I16   i16x8.relaxed_dot: one instruction on every CPU, pairs of products in 16 bits, widened when many
//   SHAPE_SIMD  the same 16-bit pairs without relaxed SIMD
//
// An accumulator is wide, four int32, or narrow: int32 too in SHAPE_I32, eight int16 else, so its owner sees to it that
// no 16-bit sum of products overflows. Two planes x = 128·hi + lo meet in `join`.
import { hundreds16, ones16 } from "./constants";

// @ts-ignore: decorator
@global @inline export const SHAPE_I32: i32 = 0;
// @ts-ignore: decorator
@global @inline export const SHAPE_I16: i32 = 1;
// @ts-ignore: decorator
@global @inline export const SHAPE_SIMD: i32 = 2;

// Eight int16: a0·b0 + a1·b1, a2·b2 + a3·b3, …
@inline function pairDot(a: v128, b: v128): v128 {
  if (SHAPE == SHAPE_I16) return i16x8.relaxed_dot_i8x16_i7x16_s(a, b);
  const even = i16x8.mul(i16x8.shr_s(i16x8.shl(a, 8), 8), i16x8.shr_u(i16x8.shl(b, 8), 8));
  return i16x8.add(even, i16x8.mul(i16x8.shr_s(a, 8), i16x8.shr_u(b, 8)));
}

@inline export function dotWide(acc: v128, a: v128, b: v128): v128 {
  if (SHAPE == SHAPE_I32) return i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b, acc);
  return i32x4.add(acc, i32x4.dot_i16x8_s(pairDot(a, b), ones16()));
}

@inline export function dotNarrow(acc: v128, a: v128, b: v128): v128 {
  if (SHAPE == SHAPE_I32) return i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b, acc);
  return i16x8.add(acc, pairDot(a, b));
}

// Two products with bytes `b` of at most 63, into a wide accumulator: 4 · 63 · 128 < 2^15, so they are widened once.
@inline export function dotTwo(acc: v128, a0: v128, b0: v128, a1: v128, b1: v128): v128 {
  if (SHAPE == SHAPE_I32) return dotWide(dotWide(acc, a0, b0), a1, b1);
  return i32x4.add(acc, widen(i16x8.add(pairDot(a0, b0), pairDot(a1, b1))));
}

// Four such products of the plane hi: 8 · 63 · 64 < 2^15. Where they are widened, that multiplies them by 128 as well,
// so both planes share an accumulator; else `acc` is of hi alone, for its owner to shift and add.

@inline export function shared(): bool {
  return SHAPE != SHAPE_I32;
}

@inline export function dotFourHigh(
  acc: v128, a0: v128, b0: v128, a1: v128, b1: v128, a2: v128, b2: v128, a3: v128, b3: v128,
): v128 {
  if (SHAPE == SHAPE_I32) return dotTwo(dotTwo(acc, a0, b0, a1, b1), a2, b2, a3, b3);
  const first = i16x8.add(pairDot(a0, b0), pairDot(a1, b1));
  const sums = i16x8.add(first, i16x8.add(pairDot(a2, b2), pairDot(a3, b3)));
  return i32x4.add(acc, i32x4.dot_i16x8_s(sums, hundreds16()));
}

@inline export function widen(acc: v128): v128 {
  return SHAPE == SHAPE_I32 ? acc : i32x4.dot_i16x8_s(acc, ones16());
}

// 128 · hi + lo of two narrow accumulators, as int32.
@inline export function join(hi: v128, lo: v128): v128 {
  if (SHAPE == SHAPE_I32) return i32x4.add(i32x4.shl(hi, 7), lo);
  return i32x4.add(i32x4.dot_i16x8_s(hi, hundreds16()), widen(lo));
}

// With one plane after the other, the second may start from the first: `seed` before it, `settle` after it.

@inline export function seed(hi: v128): v128 {
  return SHAPE == SHAPE_I32 ? i32x4.shl(hi, 7) : i32x4.splat(0);
}

@inline export function settle(hi: v128, lo: v128): v128 {
  return SHAPE == SHAPE_I32 ? lo : join(hi, lo);
}
