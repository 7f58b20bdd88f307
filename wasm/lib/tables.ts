// What all tables of an activation begin with, in which codes find their products (matmul/by-tables.ts).
//
// The activation is rotated as the weights are (src/core/model/formats/rotation.ts). In a group of 64 columns that are
// rotated together, with integers x of 14 bits, peak is the largest |x[k]| + |x[k + 1]| of two neighbours, k even, or,
// where four columns share a code, the largest length √(x[k]² + … + x[k + 3]²) of four, k a multiple of 4. As whole
// numbers, half to even,
//
//   n[k] = round(x[k] · 256 · span / peak)
//
// where span is what two products with weights of ±1 add up to at most in a table, or what four do with weights of
// length 1. A token has a f32 peak / span for each group, padded to 16 bytes; then the 16-bit integers n; then its
// tables; then 16 bytes more.
import { planeOffset } from "./activation";
import { codes, magic } from "./constants";
import { lookup } from "./lookup";
import { max4 } from "./reduce";
import { rotate } from "./rotation";

// Columns that are rotated together.
@inline export const GROUP: i32 = 64;

// Bytes behind the tables of a token, for what is written only so that it is read.
@inline export const SINK: usize = 16;

@inline export function scalesBytes(cols: i32): usize {
  return <usize>((cols / GROUP + 3) >> 2) << 4;
}

// Bytes of a token before its tables.
@inline export function headBytes(cols: i32): usize {
  return scalesBytes(cols) + <usize>(cols << 1);
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

// The sums of neighbours: those of `a`, then those of `b`.
@inline function pairSums(a: v128, b: v128): v128 {
  return f32x4.add(i32x4.shuffle(a, b, 0, 2, 4, 6), i32x4.shuffle(a, b, 1, 3, 5, 7));
}

// What eight columns add to the peak of their group; of fours its square.
@inline function sizes(at: usize, fours: bool): v128 {
  const a = v128.load(at), b = v128.load(at, 16);
  if (fours) {
    const sums = pairSums(f32x4.mul(a, a), f32x4.mul(b, b));
    return f32x4.add(sums, i32x4.shuffle(sums, sums, 1, 0, 3, 2));
  }
  return pairSums(f32x4.abs(a), f32x4.abs(b));
}

// Peaks and the integers n. `fours`: whether four columns share a code.
@inline export function fit(record: usize, cols: i32, span: f32, fours: bool, to: usize): void {
  // Where the tables will be.
  let from = to + headBytes(cols);
  unpack(record, cols, from);
  rotate(from, cols);
  const groupBytes = <usize>(GROUP << 2);
  let scales = to;
  to += scalesBytes(cols);
  for (const end = from + <usize>(cols << 2); from < end; from += groupBytes) {
    let peaks = f32x4.splat(0);
    for (let at = from; at < from + groupBytes; at += 32) peaks = f32x4.pmax(peaks, sizes(at, fours));
    let peak = max4(peaks);
    if (fours) peak = sqrt<f32>(peak);
    store<f32>(scales, peak / span);
    scales += 4;
    const by = f32x4.splat(peak > 0 ? (256 * span) / peak : 0);
    for (let at = from; at < from + groupBytes; at += 32) {
      v128.store(to, shorts(at, by));
      to += 16;
    }
  }
}

// The sixteen bytes of a table: entry i | j << 2 is a[i] + b[j], of which all but the lowest bits are kept. `a` has its
// four sums twice; `lower` and `upper` pick those of `b`.
@inline export function table(a: v128, b: v128, lower: v128, upper: v128, bits: i32, to: usize): void {
  const s0 = i16x8.shr_u(i16x8.add(a, lookup(b, lower)), bits);
  const s1 = i16x8.shr_u(i16x8.add(a, lookup(b, upper)), bits);
  v128.store(to, i8x16.narrow_i16x8_u(s0, s1));
}

// The tables of two columns and the two behind them. `a` has the four products of the first column of each, with what
// rounds and centres their sums, and `b` those of the second.
@inline export function pairTables(a: v128, b: v128, to: usize): void {
  table(i32x4.shuffle(a, a, 0, 1, 0, 1), b, codes(0), codes(1), 8, to);
  table(i32x4.shuffle(a, a, 2, 3, 2, 3), b, codes(2), codes(3), 8, to + 16);
}
