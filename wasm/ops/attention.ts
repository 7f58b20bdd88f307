// Causal grouped-query attention over KV pages. For each token and key/value head:
//   1. the queries of the group become 15-bit integers, scale · 1/√D folded into one float each
//   2. score[t] = f32(integer dot) · query scale · key scale; a lane holds at most D/4 products of 27 bits
//   3. softmax in f32; the weights are then multiplied by the value scales
//   4. out = Σ_t weight[t] · V[t], tokens in order
// Three query heads share each pass over the keys (SmolLM2 has 9 heads over 3), the rest go one by one.
// Every sum runs over positions 0 … p in the same order whatever T is.
//
// Scratch:  16-bit queries [H/G][D] | scores [H/G][positions padded to a page]
import { exp4 } from "../lib/exp";
import { headBlockBytes, keyLows, keyScales, PAGE_MASK, pageOf, valueScales, values } from "../lib/page";
import { max4, sum4 } from "../lib/reduce";

const LIMIT: f32 = 16383.0;

// One query head → int16 at out; returns its scale.
@inline function quantiseQuery(q: usize, D: i32, out: usize): f32 {
  let peak = f32x4.splat(0);
  for (let i = 0; i < D; i += 4) peak = f32x4.pmax(peak, f32x4.abs(v128.load(q + <usize>(i << 2))));
  const top = max4(peak);
  const toInt = f32x4.splat(top > 0 ? LIMIT / top : 0);
  for (let i = 0; i < D; i += 8) {
    const at = q + <usize>(i << 2);
    const a = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(at), toInt)));
    const b = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(at, 16), toInt)));
    v128.store(out + <usize>(i << 1), i16x8.narrow_i32x4_s(a, b));
  }
  return top / LIMIT / sqrt<f32>(<f32>D);
}

// acc + the products of 32 channels, four per lane and load.
@inline function dot32(acc: v128, k0: v128, k1: v128, k2: v128, k3: v128, q: usize): v128 {
  acc = i32x4.add(acc, i32x4.dot_i16x8_s(k0, v128.load(q)));
  acc = i32x4.add(acc, i32x4.dot_i16x8_s(k1, v128.load(q, 16)));
  acc = i32x4.add(acc, i32x4.dot_i16x8_s(k2, v128.load(q, 32)));
  return i32x4.add(acc, i32x4.dot_i16x8_s(k3, v128.load(q, 48)));
}

@inline function score(dot: v128, queryScale: f32, keyScale: f32): f32 {
  return sum4(f32x4.convert_i32x4_s(dot)) * queryScale * keyScale;
}

// Scores of `n` (1 or 3) heads over `tokens` slots of one page.
@inline function pageScores(
  n: i32, block: usize, tokens: i32, D: i32, queries: usize, s0: f32, s1: f32, s2: f32, out: usize, row: usize,
): void {
  const q1 = queries + <usize>(D << 1);
  const q2 = queries + <usize>(D << 2);
  const nibble = i8x16.splat(15);
  let scale = block + keyScales(D);
  let high = block;
  let low = block + keyLows(D);
  for (let i = 0; i < tokens; i++) {
    let a0 = i32x4.splat(0);
    let a1 = i32x4.splat(0);
    let a2 = i32x4.splat(0);
    for (let c = 0; c < D; c += 32) {
      const h0 = v128.load(high);
      const h1 = v128.load(high, 16);
      const lows = v128.load(low);
      const l0 = v128.and(lows, nibble);
      const l1 = v128.and(i16x8.shr_u(lows, 4), nibble);
      const k0 = v128.or(i16x8.shl(i16x8.extend_low_i8x16_s(h0), 4), i16x8.extend_low_i8x16_u(l0));
      const k1 = v128.or(i16x8.shl(i16x8.extend_high_i8x16_s(h0), 4), i16x8.extend_high_i8x16_u(l0));
      const k2 = v128.or(i16x8.shl(i16x8.extend_low_i8x16_s(h1), 4), i16x8.extend_low_i8x16_u(l1));
      const k3 = v128.or(i16x8.shl(i16x8.extend_high_i8x16_s(h1), 4), i16x8.extend_high_i8x16_u(l1));
      const at = <usize>(c << 1);
      a0 = dot32(a0, k0, k1, k2, k3, queries + at);
      if (n == 3) {
        a1 = dot32(a1, k0, k1, k2, k3, q1 + at);
        a2 = dot32(a2, k0, k1, k2, k3, q2 + at);
      }
      high += 32;
      low += 16;
    }
    const keyScale = load<f32>(scale);
    store<f32>(out, score(a0, s0, keyScale));
    if (n == 3) {
      store<f32>(out + row, score(a1, s1, keyScale));
      store<f32>(out + row + row, score(a2, s2, keyScale));
    }
    out += 4;
    scale += 4;
  }
}

// scores[0 … count) → softmax · value scale, zero up to the page's end.
@inline function softmax(scores: usize, count: i32, G: i32, D: i32, pages: usize, layerOffset: usize): void {
  const padded = (count + PAGE_MASK) & ~PAGE_MASK;
  for (let i = count; i < padded; i++) store<f32>(scores + <usize>(i << 2), -Infinity);
  let peak = f32x4.splat(-Infinity);
  for (let i = 0; i < padded; i += 4) peak = f32x4.pmax(peak, v128.load(scores + <usize>(i << 2)));
  const top = f32x4.splat(max4(peak));
  let total = f32x4.splat(0);
  for (let i = 0; i < padded; i += 4) {
    const e = exp4(f32x4.sub(v128.load(scores + <usize>(i << 2)), top));
    total = f32x4.add(total, e);
    v128.store(scores + <usize>(i << 2), e);
  }
  const inverse = f32x4.splat(<f32>1.0 / sum4(total));
  for (let i = 0; i < padded; i += 32) {
    const valueScale = pageOf(pages, i) + layerOffset + valueScales(D);
    for (let j: usize = 0; j < 128; j += 16) {
      const at = scores + <usize>(i << 2) + j;
      v128.store(at, f32x4.mul(f32x4.mul(v128.load(at), inverse), v128.load(valueScale + j)));
    }
  }
}

// out[n heads][16 channels from c] = Σ_t weight · V.
@inline function mixValues(
  n: i32, count: i32, D: i32, c: i32, pages: usize, blockOffset: usize, scores: usize, row: usize, out: usize,
): void {
  let a0 = f32x4.splat(0), a1 = f32x4.splat(0), a2 = f32x4.splat(0), a3 = f32x4.splat(0);
  let b0 = f32x4.splat(0), b1 = f32x4.splat(0), b2 = f32x4.splat(0), b3 = f32x4.splat(0);
  let c0 = f32x4.splat(0), c1 = f32x4.splat(0), c2 = f32x4.splat(0), c3 = f32x4.splat(0);
  for (let start = 0; start < count; start += 32) {
    let v = pageOf(pages, start) + blockOffset + values(D) + <usize>c;
    const end = min(start + 32, count);
    for (let t = start; t < end; t++) {
      const bytes = v128.load(v);
      const low = i16x8.extend_low_i8x16_s(bytes);
      const high = i16x8.extend_high_i8x16_s(bytes);
      const v0 = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(low));
      const v1 = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(low));
      const v2 = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(high));
      const v3 = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(high));
      const w = v128.load_splat<f32>(scores + <usize>(t << 2));
      a0 = f32x4.add(a0, f32x4.mul(v0, w));
      a1 = f32x4.add(a1, f32x4.mul(v1, w));
      a2 = f32x4.add(a2, f32x4.mul(v2, w));
      a3 = f32x4.add(a3, f32x4.mul(v3, w));
      if (n == 3) {
        const x = v128.load_splat<f32>(scores + row + <usize>(t << 2));
        b0 = f32x4.add(b0, f32x4.mul(v0, x));
        b1 = f32x4.add(b1, f32x4.mul(v1, x));
        b2 = f32x4.add(b2, f32x4.mul(v2, x));
        b3 = f32x4.add(b3, f32x4.mul(v3, x));
        const y = v128.load_splat<f32>(scores + row + row + <usize>(t << 2));
        c0 = f32x4.add(c0, f32x4.mul(v0, y));
        c1 = f32x4.add(c1, f32x4.mul(v1, y));
        c2 = f32x4.add(c2, f32x4.mul(v2, y));
        c3 = f32x4.add(c3, f32x4.mul(v3, y));
      }
      v += <usize>D;
    }
  }
  const at = out + <usize>(c << 2);
  v128.store(at, a0);
  v128.store(at, a1, 16);
  v128.store(at, a2, 32);
  v128.store(at, a3, 48);
  if (n == 3) {
    const second = at + <usize>(D << 2);
    v128.store(second, b0);
    v128.store(second, b1, 16);
    v128.store(second, b2, 32);
    v128.store(second, b3, 48);
    const third = at + <usize>(D << 3);
    v128.store(third, c0);
    v128.store(third, c1, 16);
    v128.store(third, c2, 32);
    v128.store(third, c3, 48);
  }
}

// `n` (1 or 3) query heads from q on, sharing one key/value head, for the token at position count − 1.
@inline function heads(
  n: i32, q: usize, count: i32, D: i32, G: i32, pages: usize, layerOffset: usize, out: usize, scratch: usize,
): void {
  const row = <usize>(((count + PAGE_MASK) & ~PAGE_MASK) << 2);
  const scores = scratch + <usize>((n * D) << 1);
  const s0 = quantiseQuery(q, D, scratch);
  let s1: f32 = 0;
  let s2: f32 = 0;
  if (n == 3) {
    s1 = quantiseQuery(q + <usize>(D << 2), D, scratch + <usize>(D << 1));
    s2 = quantiseQuery(q + <usize>(D << 3), D, scratch + <usize>(D << 2));
  }
  for (let start = 0; start < count; start += 32) {
    const block = pageOf(pages, start) + layerOffset;
    pageScores(n, block, min(32, count - start), D, scratch, s0, s1, s2, scores + <usize>(start << 2), row);
  }
  for (let h = 0; h < n; h++) softmax(scores + row * <usize>h, count, G, D, pages, layerOffset);
  for (let c = 0; c < D; c += 16) mixValues(n, count, D, c, pages, layerOffset, scores, row, out);
}

function one(q: usize, count: i32, D: i32, G: i32, pages: usize, layerOffset: usize, out: usize, scratch: usize): void {
  heads(1, q, count, D, G, pages, layerOffset, out, scratch);
}

function three(q: usize, count: i32, D: i32, G: i32, pages: usize, layerOffset: usize, out: usize, scratch: usize): void {
  heads(3, q, count, D, G, pages, layerOffset, out, scratch);
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
      let h = g * share;
      const end = h + share;
      for (; h + 3 <= end; h += 3) {
        three(q + headBytes * h, count, D, G, pages, blockOffset, out + headBytes * h, scratch);
      }
      for (; h < end; h++) one(q + headBytes * h, count, D, G, pages, blockOffset, out + headBytes * h, scratch);
    }
    q += <usize>(stride << 2);
    out += <usize>(outStride << 2);
  }
}
