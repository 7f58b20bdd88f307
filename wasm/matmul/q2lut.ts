// out[t][r] (+)= Σ_k scale[r] · level[code[r][k]] · x[t][k]: two-bit weights through a table of the activation, after
// T-MAC (Wei et al. 2024, arXiv 2407.00088, §3), whose lookups stand for multiplications. With the tables T of
// lib/tables.ts
//
//   row = scale · largest · Σ_groups (peak / 31) · (ΣT − 512)
//
// Four entries fit a byte when added. Byte 2i of a vector belongs to row i, byte 2i + 1 to row 8 + i, so that sums
// widen by a shift: `odd` sums the upper bytes and `both` the 16-bit lanes, and the sums of the lower bytes are both −
// 256 · odd.
//
// Tables are made again where a block has other levels, which happens in matrices that were joined. Eight bits of
// activation would not be faster, so 14 are read whatever the caller asks for.
import { recordBytes, scaleOf } from "../lib/activation";
import { nibbles } from "../lib/constants";
import { lookup } from "../lib/lookup";
import { storeRows } from "../lib/rows";
import { fit, headBytes, largestOf, makeTables, SINK, tablesBytes } from "../lib/tables";

// Byte of a block's codebook at which its scales start, behind four levels (drawn in src/model/formats/q2lut.ts).
@inline const SCALES: usize = 16;

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
