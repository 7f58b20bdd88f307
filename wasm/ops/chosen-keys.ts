// What InfiniGen needs (src/core/draft/infinigen): scores of the rows of an index, the choice of the best of them,
// and keys and values of chosen positions side by side. Layouts are drawn in src/core/kernels/abi.ts.
import { dotWide } from "../lib/dot";
import { headBlockBytes, keyLows, keyScales, PAGE_MASK, PAGE_TOKENS, pageOf, values, valueScales } from "../lib/page";
import { max4 } from "../lib/reduce";

const PROBE_LIMIT: f32 = 63.0;
const PROBE_BIAS: i32 = 64;

// A probe of W channels → bytes 1 … 127 at out, four times each group of four channels; returns its scale.
function writeProbe(probe: usize, W: i32, out: usize): f32 {
  let peak = f32x4.splat(0);
  for (let i = 0; i < W; i += 4) peak = f32x4.pmax(peak, f32x4.abs(v128.load(probe + <usize>(i << 2))));
  const top = max4(peak);
  const toInt = f32x4.splat(top > 0 ? PROBE_LIMIT / top : 0);
  for (let i = 0; i < W; i += 4) {
    const q = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(probe + <usize>(i << 2)), toInt)));
    const shorts = i16x8.narrow_i32x4_s(q, q);
    const bytes = i8x16.add(i8x16.narrow_i16x8_s(shorts, shorts), i8x16.splat(<i8>PROBE_BIAS));
    v128.store(out + <usize>(i << 2), bytes);
  }
  return top / PROBE_LIMIT;
}

// Scores of four rows from `group` on.
@inline function fourRows(index: usize, W: i32, group: i32, probe: usize): v128 {
  let dots = i32x4.splat(0);
  let at = index + <usize>(group << 2);
  const end = probe + <usize>(W << 2);
  for (; probe < end; probe += 16) {
    dots = dotWide(dots, v128.load(at), v128.load(probe));
    at += PAGE_TOKENS << 2;
  }
  // The bias of the probe comes out as 64 times the sum of the row, which lies behind the scales.
  const scales = index + <usize>(PAGE_TOKENS * W) + <usize>(group << 2);
  const sums = v128.load(scales + (PAGE_TOKENS << 2));
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(dots, sums)), v128.load(scales));
}

export function scoreRows(
  probes: usize,
  heads: i32,
  W: i32,
  indexes: usize,
  offset: usize,
  pages: i32,
  out: usize,
  scratch: usize,
): void {
  const bytes = scratch;
  const own = scratch + <usize>(W << 2);
  const count = pages * PAGE_TOKENS;
  for (let h = 0; h < heads; h++) {
    const scale = f32x4.splat(writeProbe(probes + <usize>((h * W) << 2), W, bytes));
    let peak = f32x4.splat(-Infinity);
    let to = own;
    for (let p = 0; p < pages; p++) {
      const index = pageOf(indexes, p << 5) + offset;
      for (let group = 0; group < PAGE_TOKENS; group += 4) {
        const scores = f32x4.mul(fourRows(index, W, group, bytes), scale);
        peak = f32x4.pmax(peak, scores);
        v128.store(to, scores);
        to += 16;
      }
    }
    const top = f32x4.splat(max4(peak));
    for (let i: usize = 0; i < <usize>(count << 2); i += 16) {
      const below = f32x4.sub(v128.load(own + i), top);
      v128.store(out + i, h == 0 ? below : f32x4.pmax(v128.load(out + i), below));
    }
  }
}

const STEPS: i32 = 12;

// How many of the n scores are at least `cut`.
@inline function countFrom(scores: usize, n: i32, cut: f32): i32 {
  const cuts = f32x4.splat(cut);
  let minus = i32x4.splat(0);
  const whole = n & ~3;
  for (let i = 0; i < whole; i += 4) {
    minus = i32x4.add(minus, f32x4.ge(v128.load(scores + <usize>(i << 2)), cuts));
  }
  const pairs = i32x4.add(minus, v128.shuffle<i64>(minus, minus, 1, 1));
  let count = -(i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 1));
  for (let i = whole; i < n; i++) if (load<f32>(scores + <usize>(i << 2)) >= cut) count++;
  return count;
}

export function chooseBest(scores: usize, n: i32, reach: f32, most: i32, out: usize): i32 {
  if (n == 0 || most <= 0) return 0;
  let tops = v128.load32_splat(scores);
  let bottoms = tops;
  const whole = n & ~3;
  for (let i = 0; i < whole; i += 4) {
    const four = v128.load(scores + <usize>(i << 2));
    tops = f32x4.pmax(tops, four);
    bottoms = f32x4.pmin(bottoms, four);
  }
  for (let i = whole; i < n; i++) {
    const one = v128.load32_splat(scores + <usize>(i << 2));
    tops = f32x4.pmax(tops, one);
    bottoms = f32x4.pmin(bottoms, one);
  }
  const top = max4(tops);
  const bottom = -max4(f32x4.neg(bottoms));
  let cut = max(top - reach, bottom);
  if (countFrom(scores, n, cut) > most) {
    let low = cut;
    let high = top;
    for (let step = 0; step < STEPS; step++) {
      const middle = low + (high - low) * <f32>0.5;
      if (countFrom(scores, n, middle) > most) low = middle;
      else high = middle;
    }
    cut = high;
  }
  let count = 0;
  const cuts = f32x4.splat(cut);
  for (let i = 0; i < n && count < most; i += 4) {
    // What lies behind the last score is masked out.
    let mask = i32x4.bitmask(f32x4.ge(v128.load(scores + <usize>(i << 2)), cuts));
    if (n - i < 4) mask &= (1 << (n - i)) - 1;
    while (mask != 0 && count < most) {
      store<i32>(out + <usize>(count << 2), i + ctz(mask));
      count++;
      mask &= mask - 1;
    }
  }
  return count;
}

@inline function copy(from: usize, to: usize, bytes: i32): void {
  for (let i: usize = 0; i < <usize>bytes; i += 16) v128.store(to + i, v128.load(from + i));
}

export function gatherKeys(
  positions: usize,
  count: i32,
  D: i32,
  pages: usize,
  blockOffset: usize,
  out: usize,
): void {
  for (let i = 0; i < count; i++) {
    const position = load<i32>(positions + <usize>(i << 2));
    const slot = position & PAGE_MASK;
    const from = pageOf(pages, position) + blockOffset;
    const place = i & PAGE_MASK;
    const to = out + headBlockBytes(D) * <usize>(i >> 5);
    copy(from + <usize>(slot * D), to + <usize>(place * D), D);
    copy(from + keyLows(D) + <usize>((slot * D) >> 1), to + keyLows(D) + <usize>((place * D) >> 1), D >> 1);
    copy(from + values(D) + <usize>(slot * D), to + values(D) + <usize>(place * D), D);
    store<f32>(to + keyScales(D) + <usize>(place << 2), load<f32>(from + keyScales(D) + <usize>(slot << 2)));
    store<f32>(to + valueScales(D) + <usize>(place << 2), load<f32>(from + valueScales(D) + <usize>(slot << 2)));
  }
}
