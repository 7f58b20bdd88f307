// What all tables of an activation begin with, in which codes find their products (matmul/by-tables.ts).
//
// In a group of columns with integers x of 14 bits, peak is the largest |x[k]| + |x[k + 1]| of two neighbours, k even,
// or the largest length √(x[k]² + … + x[k + 3]²) of four, k a multiple of 4. Where codes are a chain it is
// the largest of eight, k a multiple of 4. The first four columns of the next group count too; behind the last they are
// 0. As whole numbers, half to even,
//
//   n[k] = round(x[k] · 256 · span / peak)
//
// where span is what two products with weights of ±1 add up to at most in a table, or what four do with weights of
// length 1. A token has a f32 peak / span for each group, padded to 16 bytes; then the 16-bit integers n, in a chain
// those of a group and of the four columns behind it; then its tables; then 16 bytes more.
// A basis B says how many columns a group has, whether the activation is rotated first, and how many columns a code
// reaches: 1, four that share a code, or eight in a chain. Rotated columns are of about one size, so that a group may
// be larger.
import { planeOffset } from "./activation";
import { codes, magic } from "./constants";
import { lookup } from "./lookup";
import { max4 } from "./reduce";
import { rotate } from "./rotation";

// Bytes behind the tables of a token, for what is written only so that it is read.
@inline export const SINK: usize = 16;

@unmanaged
export class Own {
  @inline group(): i32 {
    return 32;
  }

  @inline rotated(): bool {
    return false;
  }

  @inline reach(): i32 {
    return 1;
  }
}

@unmanaged
class RotatedGroups {
  @inline group(): i32 {
    return 64;
  }

  @inline rotated(): bool {
    return true;
  }
}

@unmanaged
export class Rotated extends RotatedGroups {
  @inline reach(): i32 {
    return 1;
  }
}

@unmanaged
export class RotatedFours extends RotatedGroups {
  @inline reach(): i32 {
    return 4;
  }
}

@unmanaged
export class RotatedChain extends RotatedGroups {
  @inline reach(): i32 {
    return 8;
  }
}

// Columns behind a group that its last code reaches.
@inline function ahead<B>(): i32 {
  return changetype<B>(0).reach() == 8 ? 4 : 0;
}

@inline export function scalesBytes<B>(cols: i32): usize {
  return <usize>((cols / changetype<B>(0).group() + 3) >> 2) << 4;
}

// Bytes of a token before its tables.
@inline export function headBytes<B>(cols: i32): usize {
  const group = changetype<B>(0).group();
  return scalesBytes<B>(cols) + <usize>(((cols / group) * (group + ahead<B>())) << 1);
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
@inline function sizes<B>(at: usize): v128 {
  const a = v128.load(at), b = v128.load(at, 16);
  if (changetype<B>(0).reach() > 1) {
    const sums = pairSums(f32x4.mul(a, a), f32x4.mul(b, b));
    return f32x4.add(sums, i32x4.shuffle(sums, sums, 1, 0, 3, 2));
  }
  return pairSums(f32x4.abs(a), f32x4.abs(b));
}

// The largest of the sums of neighbours: `before`, whose last lane is the four before, then `own`. Each has every four
// twice.
@inline function neighbours(before: v128, own: v128): v128 {
  return f32x4.add(i32x4.shuffle(before, own, 3, 3, 4, 4), own);
}

// Peaks and the integers n.
export function fit<B>(record: usize, cols: i32, span: f32, to: usize): void {
  // Where the tables will be.
  let from = to + headBytes<B>(cols);
  unpack(record, cols, from);
  if (changetype<B>(0).rotated()) rotate(from, cols);
  if (ahead<B>() > 0) v128.store(from + <usize>(cols << 2), f32x4.splat(0));
  const groupBytes = <usize>(changetype<B>(0).group() << 2);
  let scales = to;
  to += scalesBytes<B>(cols);
  for (const end = from + <usize>(cols << 2); from < end; from += groupBytes) {
    let peaks = f32x4.splat(0);
    if (ahead<B>() > 0) {
      let before = peaks;
      for (let at = from; at < from + groupBytes; at += 32) {
        const own = sizes<B>(at);
        peaks = f32x4.pmax(peaks, neighbours(before, own));
        before = own;
      }
      const next = neighbours(before, sizes<B>(from + groupBytes));
      peaks = f32x4.pmax(peaks, i32x4.shuffle(next, next, 0, 0, 0, 0));
    } else {
      for (let at = from; at < from + groupBytes; at += 32) peaks = f32x4.pmax(peaks, sizes<B>(at));
    }
    let peak = max4(peaks);
    if (changetype<B>(0).reach() > 1) peak = sqrt<f32>(peak);
    store<f32>(scales, peak / span);
    scales += 4;
    const by = f32x4.splat(peak > 0 ? (256 * span) / peak : 0);
    for (let at = from; at < from + groupBytes; at += 32) {
      v128.store(to, shorts(at, by));
      to += 16;
    }
    if (ahead<B>() > 0) {
      v128.store64_lane(to, shorts(from + groupBytes, by), 0);
      to += 8;
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
