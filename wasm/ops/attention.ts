// Causal grouped-query attention over KV pages. For each token and key/value head:
//   1. the queries of the group become integers of up to 16 bits, small enough that dot products with keys fit 32
//   2. score[t] = f32(integer dot) · (query scale / √D) · key scale
//   3. e[t] = exp(score[t] − largest); weight[t] = e[t] · value scale, as an int16 in units of the largest / 32767, or
//      of the sum / 2^24 where many are large, so that 127 times their sum fits 32 bits
//   4. out = f32(Σ_t weight[t] · V[t]) · unit / Σ e
// Three or four query heads share each pass over keys and values (SmolLM2 has three for each, Qwen2.5-0.5B seven), the
// rest go one by one.
// Integer sums have no order, and every float sum runs over positions 0 … p in the same order whatever T is.
// Both passes go page by page, so that a page comes from the near cache for all channels and heads that read it. The
// sums of values stay in memory between pages.
//
// Scratch:  16-bit queries [H/G][D], then as many sums of values [D] in their place
//           | scores [H/G][positions padded to a page], int16 weights in their place
import { minusSixty } from "../lib/constants";
import { exp4 } from "../lib/exp";
import { EIGHT_PAGES, fetch, fetchEight } from "../lib/fetch";
import { headBlockBytes, PAGE_MASK, pageOf, valueScales, values } from "../lib/page";
import { max4, sum4 } from "../lib/reduce";
import { round8 } from "../lib/round";
import { pageScores, quantiseQuery } from "../lib/scores";

const WEIGHT_LIMIT: f32 = 32767.0;
const WEIGHT_SUM: f32 = 16777216.0;

// scores[0 … count) → int16 weights in their place, zeros up to a multiple of eight; returns what a unit of Σ weight ·
// V is.
@inline function softmax(scores: usize, count: i32, D: i32, pages: usize, blockOffset: usize): f32 {
  const padded = (count + 7) & ~7;
  for (let i = count; i < padded; i++) store<f32>(scores + <usize>(i << 2), -Infinity);
  let peak = f32x4.splat(-Infinity);
  for (let i = 0; i < padded; i += 4) peak = f32x4.pmax(peak, v128.load(scores + <usize>(i << 2)));
  const top = f32x4.splat(max4(peak));
  let total = f32x4.splat(0);
  let sum = f32x4.splat(0);
  let largest = f32x4.splat(0);
  for (let start = 0; start < padded; start += 32) {
    let at = scores + <usize>(start << 2);
    let scale = pageOf(pages, start) + blockOffset + valueScales(D);
    const end = scores + <usize>(min(start + 32, padded) << 2);
    for (; at < end; at += 16) {
      const x = f32x4.sub(v128.load(at), top);
      // A lane below −60, as those past the end are, is 0, whatever lies in its value scale.
      const live = f32x4.gt(x, minusSixty());
      const e = v128.and(exp4(x), live);
      const weight = f32x4.mul(e, v128.and(v128.load(scale), live));
      total = f32x4.add(total, e);
      sum = f32x4.add(sum, weight);
      largest = f32x4.pmax(largest, weight);
      v128.store(at, weight);
      scale += 16;
    }
  }
  const unit = max(max4(largest) / WEIGHT_LIMIT, sum4(sum) / WEIGHT_SUM);
  const toInt = f32x4.splat(unit > 0 ? <f32>1.0 / unit : 0);
  for (let i = 0; i < padded; i += 8) v128.store(scores + <usize>(i << 1), round8(scores + <usize>(i << 2), toInt));
  return unit / sum4(total);
}

// acc + weight[t] · V[t] + weight[t + 1] · V[t + 1] for four channels of both tokens, interleaved.
@inline function mixAdd(acc: v128, v: v128, weights: usize): v128 {
  return i32x4.add(acc, i32x4.dot_i16x8_s(v, v128.load32_splat(weights)));
}

// sums[n heads][8 channels from c] += Σ weight · V over the first `tokens` slots of one page, which are even.
@inline function mixPage(
  n: i32, tokens: i32, D: i32, v: usize, weights: usize, row: usize, sums: usize,
): void {
  const h1 = sums + <usize>(D << 2);
  const h2 = sums + <usize>(D << 3);
  const h3 = sums + <usize>(D * 12);
  let a0 = v128.load(sums), a1 = v128.load(sums, 16);
  let b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
  if (n > 1) {
    b0 = v128.load(h1);
    b1 = v128.load(h1, 16);
    c0 = v128.load(h2);
    c1 = v128.load(h2, 16);
  }
  if (n > 3) {
    d0 = v128.load(h3);
    d1 = v128.load(h3, 16);
  }
  const end = weights + <usize>(tokens << 1);
  for (let w = weights; w < end; w += 4) {
    const first = v128.load_ext<i8>(v);
    const second = v128.load_ext<i8>(v + <usize>D);
    const v0 = v128.shuffle<i16>(first, second, 0, 8, 1, 9, 2, 10, 3, 11);
    const v1 = v128.shuffle<i16>(first, second, 4, 12, 5, 13, 6, 14, 7, 15);
    a0 = mixAdd(a0, v0, w);
    a1 = mixAdd(a1, v1, w);
    if (n > 1) {
      b0 = mixAdd(b0, v0, w + row);
      b1 = mixAdd(b1, v1, w + row);
      c0 = mixAdd(c0, v0, w + row + row);
      c1 = mixAdd(c1, v1, w + row + row);
    }
    if (n > 3) {
      d0 = mixAdd(d0, v0, w + row * 3);
      d1 = mixAdd(d1, v1, w + row * 3);
    }
    v += <usize>(D << 1);
  }
  v128.store(sums, a0);
  v128.store(sums, a1, 16);
  if (n > 1) {
    v128.store(h1, b0);
    v128.store(h1, b1, 16);
    v128.store(h2, c0);
    v128.store(h2, c1, 16);
  }
  if (n > 3) {
    v128.store(h3, d0);
    v128.store(h3, d1, 16);
  }
}

// out[D] = sums · unit.
@inline function storeMixed(sums: usize, D: i32, unit: f32, out: usize): void {
  const units = f32x4.splat(unit);
  for (let c: usize = 0; c < <usize>(D << 2); c += 16) {
    v128.store(out + c, f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums + c)), units));
  }
}

// `n` (1, 3 or 4) query heads from q on, sharing one key/value head, for the token at position count − 1. `far`: nobody
// has read keys and values in this pass.
@inline function heads(
  n: i32, D: i32, q: usize, count: i32, far: bool, pages: usize, blockOffset: usize, out: usize, scratch: usize,
): void {
  const row = <usize>(((count + PAGE_MASK) & ~PAGE_MASK) << 2);
  const scores = scratch + <usize>((n * D) << 2);
  const s0 = f32x4.splat(quantiseQuery(q, D, scratch));
  let s1 = s0, s2 = s0, s3 = s0;
  if (n > 1) {
    s1 = f32x4.splat(quantiseQuery(q + <usize>(D << 2), D, scratch + <usize>(D << 1)));
    s2 = f32x4.splat(quantiseQuery(q + <usize>(D << 3), D, scratch + <usize>(D << 2)));
  }
  if (n > 3) s3 = f32x4.splat(quantiseQuery(q + <usize>(D * 12), D, scratch + <usize>(D * 6)));
  const bytes = headBlockBytes(D);
  const byEight = (count + PAGE_MASK) & ~(EIGHT_PAGES - 1);
  for (let start = 0; start < count; start += 32) {
    const at = scores + <usize>(start << 2);
    const block = pageOf(pages, start) + blockOffset;
    if (far) {
      if (start >= byEight) fetch(block, bytes, at);
      else if ((start & (EIGHT_PAGES - 1)) == 0) fetchEight(pages, start, blockOffset, bytes, at);
    }
    pageScores(n, block, min(32, count - start), D, scratch, s0, s1, s2, s3, at, row);
  }
  const u0 = softmax(scores, count, D, pages, blockOffset);
  const u1 = n > 1 ? softmax(scores + row, count, D, pages, blockOffset) : 0;
  const u2 = n > 1 ? softmax(scores + row + row, count, D, pages, blockOffset) : 0;
  const u3 = n > 3 ? softmax(scores + row * 3, count, D, pages, blockOffset) : 0;
  const sums = scratch;
  memory.fill(sums, 0, <usize>((n * D) << 2));
  for (let start = 0; start < count; start += 32) {
    const v = pageOf(pages, start) + blockOffset + values(D);
    const weights = scores + <usize>(start << 1);
    for (let c = 0; c < D; c += 8) {
      mixPage(n, min(32, count - start), D, v + <usize>c, weights, row, sums + <usize>(c << 2));
    }
  }
  storeMixed(sums, D, u0, out);
  if (n > 1) {
    storeMixed(sums + <usize>(D << 2), D, u1, out + <usize>(D << 2));
    storeMixed(sums + <usize>(D << 3), D, u2, out + <usize>(D << 3));
  }
  if (n > 3) storeMixed(sums + <usize>(D * 12), D, u3, out + <usize>(D * 12));
}

function one(
  D: i32, q: usize, count: i32, far: bool, pages: usize, blockOffset: usize, out: usize, scratch: usize,
): void {
  heads(1, D, q, count, far, pages, blockOffset, out, scratch);
}

function three(
  D: i32, q: usize, count: i32, far: bool, pages: usize, blockOffset: usize, out: usize, scratch: usize,
): void {
  heads(3, D, q, count, far, pages, blockOffset, out, scratch);
}

// The head size of most models, named so that the compiler can unroll.
function three64(
  q: usize, count: i32, far: bool, pages: usize, blockOffset: usize, out: usize, scratch: usize,
): void {
  heads(3, 64, q, count, far, pages, blockOffset, out, scratch);
}

function four64(
  q: usize, count: i32, far: bool, pages: usize, blockOffset: usize, out: usize, scratch: usize,
): void {
  heads(4, 64, q, count, far, pages, blockOffset, out, scratch);
}

export function attention(
  q: usize,
  stride: i32,
  T: i32,
  H: i32,
  G: i32,
  D: i32,
  pages: usize,
  layerOffset: usize,
  position: i32,
  out: usize,
  outStride: i32,
  scratch: usize,
): void {
  const share = H / G;
  const headBytes = <usize>(D << 2);
  for (let t = 0; t < T; t++) {
    const count = position + t + 1;
    for (let g = 0; g < G; g++) {
      const blockOffset = layerOffset + headBlockBytes(D) * <usize>g;
      const first = g * share;
      const end = first + share;
      let h = first;
      // Four where threes would leave one over.
      if (D == 64 && share > 3 && share % 3 == 1) {
        const from = headBytes * h;
        four64(q + from, count, t == 0, pages, blockOffset, out + from, scratch);
        h += 4;
      }
      for (; h + 3 <= end; h += 3) {
        const from = headBytes * h;
        const far = t == 0 && h == first;
        if (D == 64) three64(q + from, count, far, pages, blockOffset, out + from, scratch);
        else three(D, q + from, count, far, pages, blockOffset, out + from, scratch);
      }
      for (; h < end; h++) {
        const from = headBytes * h;
        one(D, q + from, count, t == 0 && h == first, pages, blockOffset, out + from, scratch);
      }
    }
    q += <usize>(stride << 2);
    out += <usize>(outStride << 2);
  }
}
