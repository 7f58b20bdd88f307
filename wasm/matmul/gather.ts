// The record of the columns that a sparse block keeps. A block starts with an index: for each window of 16 columns
// `keep` bytes, the indices of the kept columns in their window; then zeros up to a multiple of 16 bytes. In the
// gathered record the kept columns follow each other, padded with zeros.
import { biasedOffset, planeOffset, sumsOffset, wordsOffset } from "../lib/activation";
import { bias, ones } from "../lib/constants";
import { dotNarrow, join, widen } from "../lib/dot";
import { lookup } from "../lib/lookup";
import { sumFour } from "../lib/reduce";

@inline export function keptColumns(cols: i32, keep: i32, unit: i32): i32 {
  return ((cols >> 4) * keep + unit - 1) & -unit;
}

@inline export function indexBytes(cols: i32, keep: i32): usize {
  return <usize>(((cols >> 4) * keep + 15) & ~15);
}

// Lanes whose index is past 15 are not used.
@inline function pick(window: usize, index: v128): v128 {
  return lookup(v128.load(window), index);
}

// 16 kept columns from the windows they come from: 4, 2, or parts of them when 12 are kept.

@inline function ofEight(from: usize, index: v128): v128 {
  return i64x2.shuffle(pick(from, index), pick(from + 16, index), 0, 3);
}

@inline function ofFour(from: usize, index: v128): v128 {
  const a = i32x4.shuffle(pick(from, index), pick(from + 16, index), 0, 5, 2, 3);
  const b = i32x4.shuffle(pick(from + 32, index), pick(from + 48, index), 0, 1, 2, 7);
  return i64x2.shuffle(a, b, 0, 3);
}

// The first, second and third 16 of the 48 that four windows keep.
@inline function ofTwelve(third: i32, from: usize, index: v128): v128 {
  const a = pick(from + <usize>(third << 4), index);
  const b = pick(from + <usize>(third << 4) + 16, index);
  if (third == 0) return i32x4.shuffle(a, b, 0, 1, 2, 7);
  return third == 1 ? i64x2.shuffle(a, b, 0, 3) : i32x4.shuffle(a, b, 0, 5, 6, 7);
}

// 16 kept columns of one plane or, where `low` is not 0, of two: `low` bytes apart in the target, `cols` in the source.
@inline function keepSixteen(keep: i32, third: i32, from: usize, cols: i32, index: usize, to: usize, low: usize): void {
  const places = v128.load(index);
  if (keep == 4) {
    v128.store(to, ofFour(from, places));
    if (low) v128.store(to + low, ofFour(from + <usize>cols, places));
  } else if (keep == 8) {
    v128.store(to, ofEight(from, places));
    if (low) v128.store(to + low, ofEight(from + <usize>cols, places));
  } else {
    v128.store(to, ofTwelve(third, from, places));
    if (low) v128.store(to + low, ofTwelve(third, from + <usize>cols, places));
  }
}

// Reads up to 48 bytes past the source's plane, still within the record, and writes values made of them after the last
// kept column; `gather` overwrites these with zeros.
@inline function planes(keep: i32, from: usize, cols: i32, index: usize, to: usize, low: usize): void {
  const end = to + indexBytes(cols, keep);
  while (to < end) {
    keepSixteen(keep, 0, from, cols, index, to, low);
    if (keep == 12) {
      if (to + 16 < end) keepSixteen(keep, 1, from, cols, index + 16, to + 16, low);
      if (to + 32 < end) keepSixteen(keep, 2, from, cols, index + 32, to + 32, low);
    }
    from += keep == 8 ? 32 : 64;
    index += keep == 12 ? 48 : 16;
    to += keep == 12 ? 48 : 16;
  }
}

@inline function wordsOf(hi: v128, lo: v128): v128 {
  return v128.or(i16x8.shl(hi, 7), lo);
}

// Pairs of the 32 bytes at `plane`, as a narrow accumulator: at most four bytes to a lane.
@inline function pairSums(plane: usize): v128 {
  return dotNarrow(dotNarrow(i32x4.splat(0), v128.load(plane), ones()), v128.load(plane, 16), ones());
}

// Four lanes that add up to Σq of 32 columns.
@inline function groupSum<P>(plane: usize, low: usize): v128 {
  return sizeof<P>() == 2 ? join(pairSums(plane), pairSums(plane + low)) : widen(pairSums(plane));
}

// Gathers a record at `act` over `cols` columns into a record at `out` over `kept` columns (keptColumns). It writes the
// planes that P reads; for 14 bits `whole` adds the others.
export function gather<P>(act: usize, cols: i32, index: usize, keep: i32, kept: i32, whole: bool, out: usize): void {
  v128.store64_lane(out, v128.load64_zero(act), 0);
  const from = act + planeOffset<P>(cols);
  const plane = out + planeOffset<P>(kept);
  const low = sizeof<P>() == 2 ? <usize>kept : 0;
  if (keep == 8) planes(8, from, cols, index, plane, low);
  else if (keep == 4) planes(4, from, cols, index, plane, low);
  else planes(12, from, cols, index, plane, low);
  for (let k = (cols >> 4) * keep; k < kept; k += 4) {
    store<u32>(plane + <usize>k, 0);
    if (sizeof<P>() == 2) store<u32>(plane + low + <usize>k, 0);
  }

  // Four groups at a time: what lies past the last plane fills the padding of the sums.
  for (let k: usize = 0; k < <usize>kept; k += 128) {
    const a = groupSum<P>(plane + k, low), b = groupSum<P>(plane + k + 32, low);
    const c = groupSum<P>(plane + k + 64, low), d = groupSum<P>(plane + k + 96, low);
    v128.store(out + sumsOffset<P>(kept) + (k >> 3), f32x4.convert_i32x4_s(sumFour(a, b, c, d)));
  }
  if (whole) {
    const biased = out + biasedOffset(kept);
    const words = out + wordsOffset(kept);
    for (let k: usize = 0; k < <usize>kept; k += 16) {
      const hi = v128.load(plane + k);
      const lo = v128.load(plane + low + k);
      v128.store(biased + k, i8x16.add(hi, bias()));
      v128.store(words + (k << 1), wordsOf(i16x8.extend_low_i8x16_s(hi), i16x8.extend_low_i8x16_u(lo)));
      v128.store(words + (k << 1), wordsOf(i16x8.extend_high_i8x16_s(hi), i16x8.extend_high_i8x16_u(lo)), 16);
    }
  }
}
