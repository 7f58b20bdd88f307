// out[t][r] (+)= Σ_k (scale[r] · level[code])[r][k] · x[t][k]: two-bit weights through a table of the activation, after
// T-MAC (Wei et al. 2024, arXiv 2407.00088, §3), whose lookups stand for multiplications.
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
// and then
//
//   row = scale · largest · Σ_groups (peak / 31) · (ΣT − 512)
//
// Four entries fit a byte when added. Byte 2i of a vector belongs to row i, byte 2i + 1 to row 8 + i, so that sums
// widen by a shift: `odd` sums the upper bytes and `both` the 16-bit lanes, and the sums of the lower bytes are both −
// 256 · odd.
//
// Peaks and n are computed once for each call and token. Tables are made again where a block has other levels, which
// happens in matrices that were joined. A token has a f32 peak / 31 for each group, padded to 16 bytes; then the 16-bit
// integers n; then 16 bytes for each pair of columns; then 16 bytes more. Eight bits of activation would not be faster,
// so 14 are read whatever the caller asks for.
import { planeOffset, recordBytes, scaleOf } from "../lib/activation";
import { codes, columns, magic, middle16, nibbles } from "../lib/constants";
import { lookup } from "../lib/lookup";
import { max4 } from "../lib/reduce";
import { storeRows } from "../lib/rows";
import { rotate } from "../lib/rotation";

// 31 · 256: the largest sum of two products, of which the upper byte goes into a table.
const FINE: f32 = 7936;
const LARGEST_LEVEL: f32 = 32767;

// Bytes behind the tables of a token, for what is written only so that it is read.
@inline const SINK: usize = 16;

// Byte of a block's codebook at which its scales start, behind four levels (drawn in src/model/formats/q2lut.ts).
@inline const SCALES: usize = 16;

@inline function scalesBytes(cols: i32): usize {
  return <usize>(((cols >> 5) + 3) >> 2) << 4;
}

// Bytes of a token before its tables.
@inline function headBytes(cols: i32): usize {
  return scalesBytes(cols) + <usize>(cols << 1);
}

@inline function tablesBytes(cols: i32): usize {
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
function fit(record: usize, cols: i32, rotated: bool, to: usize): void {
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

@inline function largestOf(codebook: usize): f32 {
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
function makeTables(to: usize, cols: i32, codebook: usize): void {
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

// Entries of eight columns, 16 rows.
@inline function four(tables: usize, c0: v128, c1: v128, c2: v128, c3: v128): v128 {
  const first = i8x16.add(lookup(v128.load(tables), c0), lookup(v128.load(tables, 16), c1));
  return i8x16.add(first, i8x16.add(lookup(v128.load(tables, 32), c2), lookup(v128.load(tables, 48), c3)));
}

@inline function low4(acc: v128, sums: v128, scale: v128): v128 {
  return f32x4.add(acc, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(sums)), scale));
}

@inline function high4(acc: v128, sums: v128, scale: v128): v128 {
  return f32x4.add(acc, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(sums)), scale));
}

@inline function storeBlock(
  a: v128, b: v128, c: v128, d: v128, codebook: usize, scale: f32, rowsLeft: i32, out: usize, accumulate: i32,
): void {
  const largest = f32x4.splat(largestOf(codebook));
  const rowScales = codebook + SCALES;
  storeRows(out, f32x4.mul(f32x4.mul(v128.load(rowScales), largest), a), scale, rowsLeft, accumulate);
  storeRows(out + 16, f32x4.mul(f32x4.mul(v128.load(rowScales, 16), largest), b), scale, rowsLeft - 4, accumulate);
  storeRows(out + 32, f32x4.mul(f32x4.mul(v128.load(rowScales, 32), largest), c), scale, rowsLeft - 8, accumulate);
  storeRows(out + 48, f32x4.mul(f32x4.mul(v128.load(rowScales, 48), largest), d), scale, rowsLeft - 12, accumulate);
}

// The next block is `ahead` bytes on. Each of its lines is touched while this one is computed: a processor that fetches
// ahead by itself stops at the end of a page of memory, which a block is about as long as.
function oneToken(
  tables: usize, tile: usize, cols: i32, scale: f32, rowsLeft: i32, out: usize, accumulate: i32, ahead: usize,
): void {
  let a = f32x4.splat(0), b = a, c = a, d = a, seen = a;
  const start = i16x8.splat(-512), low = nibbles();
  let scales = tables;
  const end = tables + tablesBytes(cols) - SINK;
  tables += headBytes(cols);
  while (tables < end) {
    let both = start, odd = start;
    seen = v128.or(seen, v128.or(v128.load(tile + ahead), v128.load(tile + ahead, 64)));
    for (const next = tables + 256; tables < next; tables += 64) {
      const w0 = v128.load(tile), w1 = v128.load(tile, 16);
      const s = four(
        tables, v128.and(w0, low), v128.and(i16x8.shr_u(w0, 4), low),
        v128.and(w1, low), v128.and(i16x8.shr_u(w1, 4), low),
      );
      both = i16x8.add(both, s);
      odd = i16x8.add(odd, i16x8.shr_u(s, 8));
      tile += 32;
    }
    const own = v128.load_splat<f32>(scales);
    scales += 4;
    both = i16x8.sub(both, i16x8.shl(odd, 8));
    a = low4(a, both, own);
    b = high4(b, both, own);
    c = low4(c, odd, own);
    d = high4(d, odd, own);
  }
  storeBlock(a, b, c, d, tile, scale, rowsLeft, out, accumulate);
  v128.store(end, seen);
}

// Two tokens, the digits 0 and 1, share each decoded code. The letters a b c d are rows 0 … 3, 4 … 7, 8 … 11, 12 … 15.
function twoTokens(
  tables: usize, tile: usize, cols: i32, scale0: f32, scale1: f32, rowsLeft: i32,
  out: usize, stride: usize, accumulate: i32,
): void {
  let a0 = f32x4.splat(0), b0 = a0, c0 = a0, d0 = a0, a1 = a0, b1 = a0, c1 = a0, d1 = a0;
  const start = i16x8.splat(-512);
  const record = tablesBytes(cols);
  let scales = tables;
  const end = tables + record - SINK;
  tables += headBytes(cols);
  while (tables < end) {
    let both0 = start, odd0 = start, both1 = start, odd1 = start;
    const next = tables + 256;
    for (; tables < next; tables += 64) {
      const w0 = v128.load(tile), w1 = v128.load(tile, 16);
      const i = v128.and(w0, nibbles()), j = v128.and(i16x8.shr_u(w0, 4), nibbles());
      const k = v128.and(w1, nibbles()), l = v128.and(i16x8.shr_u(w1, 4), nibbles());
      let s = four(tables, i, j, k, l);
      both0 = i16x8.add(both0, s);
      odd0 = i16x8.add(odd0, i16x8.shr_u(s, 8));
      s = four(tables + record, i, j, k, l);
      both1 = i16x8.add(both1, s);
      odd1 = i16x8.add(odd1, i16x8.shr_u(s, 8));
      tile += 32;
    }
    let own = v128.load_splat<f32>(scales);
    both0 = i16x8.sub(both0, i16x8.shl(odd0, 8));
    a0 = low4(a0, both0, own);
    b0 = high4(b0, both0, own);
    c0 = low4(c0, odd0, own);
    d0 = high4(d0, odd0, own);
    own = v128.load_splat<f32>(scales + record);
    both1 = i16x8.sub(both1, i16x8.shl(odd1, 8));
    a1 = low4(a1, both1, own);
    b1 = high4(b1, both1, own);
    c1 = low4(c1, odd1, own);
    d1 = high4(d1, odd1, own);
    scales += 4;
  }
  storeBlock(a0, b0, c0, d0, tile, scale0, rowsLeft, out, accumulate);
  storeBlock(a1, b1, c1, d1, tile, scale1, rowsLeft, out + stride, accumulate);
}

// What the matmuls of q2lut and q2had do.
@inline export function matmul(
  act: usize,
  T: i32,
  weight: usize,
  blockBytes: i32,
  rows: i32,
  cols: i32,
  rotated: bool,
  out: usize,
  outStride: i32,
  accumulate: i32,
  scratch: usize,
): void {
  const record = recordBytes(cols);
  const tables = tablesBytes(cols);
  const stride = <usize>(outStride << 2);
  for (let t = 0; t < T; t++) fit(act + record * t, cols, rotated, scratch + tables * t);
  let levels: usize = 0;
  for (let r = 0; r < rows; r += 16) {
    const own = weight + <usize>(cols << 2);
    if (levels == 0 || v128.any_true(v128.xor(v128.load(own), v128.load(levels)))) {
      for (let t = 0; t < T; t++) makeTables(scratch + tables * t, cols, own);
      levels = own;
    }
    let x = act, from = scratch, to = out + <usize>(r << 2);
    let t = 0;
    for (; t + 2 <= T; t += 2) {
      const second = scaleOf<i16>(x + record);
      twoTokens(from, weight, cols, scaleOf<i16>(x), second, rows - r, to, stride, accumulate);
      x += record << 1;
      from += tables << 1;
      to += stride << 1;
    }
    const ahead = r + 16 < rows ? <usize>blockBytes : 0;
    if (t < T) oneToken(from, weight, cols, scaleOf<i16>(x), rows - r, to, accumulate, ahead);
    weight += blockBytes;
  }
}

export function matmulQ2lut(
  act: usize,
  T: i32,
  weight: usize,
  blockBytes: i32,
  rows: i32,
  cols: i32,
  _keep: i32,
  _bits: i32,
  out: usize,
  outStride: i32,
  accumulate: i32,
  scratch: usize,
): void {
  matmul(act, T, weight, blockBytes, rows, cols, false, out, outStride, accumulate, scratch);
}

// A row as f32.
export function embedQ2lut(weight: usize, blockBytes: i32, row: i32, cols: i32, out: usize): void {
  const block = weight + <usize>((row >> 4) * blockBytes);
  const levels = block + <usize>(cols << 2);
  const scale = load<f32>(levels + <usize>((row & 15) << 2), SCALES);
  const from = block + <usize>(((row & 7) << 1) + ((row & 15) >> 3));
  for (let k = 0; k < cols; k++) {
    const code = (load<u8>(from + <usize>((k >> 2) << 4)) >> <u8>((k & 3) << 1)) & 3;
    store<f32>(out, scale * load<f32>(levels + (<usize>code << 2)));
    out += 4;
  }
}
