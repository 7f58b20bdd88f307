// The record of the columns that a sparse block keeps. Indices: `keep` bytes for each window of 16 columns, each the place
// of a kept column in its window; then zeros to a multiple of 16 bytes. Kept columns follow each other, padded with zeros.
import { biasedOffset, planeOffset, sumsOffset } from "../lib/activation";
import { bias, ones } from "../lib/constants";
import { dotWide } from "../lib/dot";
import { lookup } from "../lib/lookup";
import { sum4i } from "../lib/reduce";

@inline export function keptColumns(cols: i32, keep: i32, unit: i32): i32 {
  return ((cols >> 4) * keep + unit - 1) & -unit;
}

@inline export function indexBytes(cols: i32, keep: i32): usize {
  return <usize>(((cols >> 4) * keep + 15) & ~15);
}

// What two windows keep, 2 · keep bytes. Lanes whose index is past 15 are overwritten or not stored.
@inline function pickTwo(keep: i32, from: usize, index: v128, second: v128, to: usize): void {
  const a = lookup(v128.load(from), index);
  const b = lookup(v128.load(from, 16), keep == 12 ? second : index);
  if (keep == 8) {
    v128.store(to, i8x16.shuffle(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31));
  } else if (keep == 4) {
    v128.store64_lane(to, i32x4.shuffle(a, b, 0, 5, 2, 3), 0);
  } else {
    v128.store(to, a);
    v128.store64_lane(to + 12, b, 0);
    v128.store32_lane(to + 20, b, 2);
  }
}

// One plane or, where `low` is not 0, two: `low` bytes apart in the target, `cols` in the source.
@inline function planes(keep: i32, from: usize, cols: i32, index: usize, to: usize, low: usize): void {
  const end = from + <usize>cols;
  for (; from < end; from += 32) {
    const first = keep == 4 ? v128.load64_zero(index) : v128.load(index);
    const second = keep == 12 ? v128.load(index, 12) : first;
    pickTwo(keep, from, first, second, to);
    if (low) pickTwo(keep, from + <usize>cols, first, second, to + low);
    index += <usize>(2 * keep);
    to += <usize>(2 * keep);
  }
}

@inline function ofOnes(acc: v128, plane: usize): v128 {
  return dotWide(dotWide(acc, v128.load(plane), ones()), v128.load(plane, 16), ones());
}

// `act` over `cols` columns → `out` over `kept`, what keptColumns says; what P reads of it, and the biased plane if asked.
export function gather<P>(act: usize, cols: i32, index: usize, keep: i32, kept: i32, biased: bool, out: usize): void {
  store<f32>(out, load<f32>(act));
  store<f32>(out, load<f32>(act, 4), 4);
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

  let sums = out + sumsOffset<P>(kept);
  for (let k: usize = 0; k < <usize>kept; k += 32) {
    let sum = ofOnes(i32x4.splat(0), plane + k);
    if (sizeof<P>() == 2) sum = ofOnes(i32x4.shl(sum, 7), plane + low + k);
    store<f32>(sums, <f32>sum4i(sum));
    sums += 4;
  }
  if (biased) {
    const to = out + biasedOffset(kept);
    for (let k: usize = 0; k < <usize>kept; k += 16) v128.store(to + k, i8x16.add(v128.load(plane + k), bias()));
  }
}
