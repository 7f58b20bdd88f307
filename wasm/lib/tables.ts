// Tables of an activation, in which codes of two bits find their products (matmul/q2lut.ts).
//
// In a group of 32 columns with integers x of 14 bits, peak is the largest |x[k]| + |x[k + 1]| of two neighbours, k
// even, and largest is the largest |level|. As whole numbers, half to even,
//
//   n[k] = round(x[k] · 7936 / peak)            7936 = 31 · 256
//   l[c] = round(level[c] · 32767 / largest)
//   p[c][k] = (l[c] · n[k] + 2^14) >> 15
//
// For two neighbouring columns a table holds what their sixteen pairs of codes yield:
//
//   T[c0 | c1 << 2] = (p[c0][k] + p[c1][k + 1] + 128 >> 8) + 32,  1 … 63
//
// Peaks and n are of the activation alone. A token has a f32 peak / 31 for each group, padded to 16 bytes; then the
// 16-bit integers n; then 16 bytes for each pair of columns; then 16 bytes more.
import { planeOffset } from "./activation";
import { codes, columns, magic, middle16 } from "./constants";
import { lookup } from "./lookup";
import { max4 } from "./reduce";
import { rotate } from "./rotation";

// 31 · 256: the largest sum of two products, of which the upper byte goes into a table.
const FINE: f32 = 7936;
const LARGEST_LEVEL: f32 = 32767;

// Bytes behind the tables of a token, for what is written only so that it is read.
@inline export const SINK: usize = 16;

@inline function scalesBytes(cols: i32): usize {
  return <usize>(((cols >> 5) + 3) >> 2) << 4;
}

// Bytes of a token before its tables.
@inline export function headBytes(cols: i32): usize {
  return scalesBytes(cols) + <usize>(cols << 1);
}

@inline export function tablesBytes(cols: i32): usize {
  return headBytes(cols) + <usize>(cols << 3) + SINK;
}

// The integers of a record as floats.
function unpack(record: usize, cols: i32, to: usize): void {
  const low = <usize>cols;
  let hi = record + planeOffset<i16>(cols);
  for (const end = hi + low; hi < end; hi += 8) {
    const q = i16x8.add(i16x8.shl(v128.load_ext<i8>(hi), 7), v128.load_ext<i8>(hi + low));
    v128.store(to, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(q)));
    v128.store(to, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(q)), 16);
    to += 32;
  }
}

// Eight floats times `by` as 16-bit integers.
@inline function shorts(at: usize, by: v128): v128 {
  const a = f32x4.add(f32x4.mul(v128.load(at), by), magic());
  const b = f32x4.add(f32x4.mul(v128.load(at, 16), by), magic());
  return i16x8.narrow_i32x4_s(i32x4.sub(a, magic()), i32x4.sub(b, magic()));
}

// Peaks and the integers n. Where `rotated`, they are those of the rotated activation.
export function fit(record: usize, cols: i32, rotated: bool, to: usize): void {
  // Where the tables will be.
  let from = to + headBytes(cols);
  unpack(record, cols, from);
  if (rotated) rotate(from, cols);
  let scales = to;
  to += scalesBytes(cols);
  for (const end = from + <usize>(cols << 2); from < end; from += 128) {
    let peaks = f32x4.splat(0);
    for (let at = from; at < from + 128; at += 32) {
      const a = f32x4.abs(v128.load(at)), b = f32x4.abs(v128.load(at, 16));
      peaks = f32x4.pmax(peaks, f32x4.add(i32x4.shuffle(a, b, 0, 2, 4, 6), i32x4.shuffle(a, b, 1, 3, 5, 7)));
    }
    const peak = max4(peaks);
    store<f32>(scales, peak / 31);
    scales += 4;
    const by = f32x4.splat(peak > 0 ? FINE / peak : 0);
    for (let at = from; at < from + 128; at += 32) {
      v128.store(to, shorts(at, by));
      to += 16;
    }
  }
}

@inline export function largestOf(codebook: usize): f32 {
  return max4(f32x4.abs(v128.load(codebook)));
}

@inline function products(levels: v128, fitted: v128, mask: v128): v128 {
  const x = lookup(fitted, mask);
  return ASC_FEATURE_RELAXED_SIMD ? i16x8.relaxed_q15mulr_s(levels, x) : i16x8.q15mulr_sat_s(levels, x);
}

// The table of two columns: `a` has the four products of the first twice, `b` those of the second at two masks.
@inline function table(a: v128, b: v128, lower: v128, upper: v128, to: usize): void {
  const s0 = i16x8.shr_u(i16x8.add(a, lookup(b, lower)), 8);
  const s1 = i16x8.shr_u(i16x8.add(a, lookup(b, upper)), 8);
  v128.store(to, i8x16.narrow_i16x8_u(s0, s1));
}

// The tables of four columns, of which `first` and `second` are masks.
@inline function two(levels: v128, fitted: v128, first: v128, second: v128, to: usize): void {
  const a = i16x8.add(products(levels, fitted, first), middle16());
  const b = products(levels, fitted, second);
  table(i32x4.shuffle(a, a, 0, 1, 0, 1), b, codes(0), codes(1), to);
  table(i32x4.shuffle(a, a, 2, 3, 2, 3), b, codes(2), codes(3), to + 16);
}

// The tables of a token that `fit` has been called for.
export function makeTables(to: usize, cols: i32, codebook: usize): void {
  const largest = largestOf(codebook);
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
