// out[t][r] (+)= Σ_k weight[r][k] · x[t][k], with weights of two bits or three, through tables of the activation, after
// T-MAC (Wei et al. 2024, arXiv 2407.00088, §3), whose lookups stand for multiplications. With the tables T of a token
// and their zero (what a group's entries add up to where all products are 0)
//
//   row = scale · Σ_groups (peak / span) · (ΣT − zero)
//
// What the lookups of eight columns give fits a byte when added, or of four columns where codes have three bits. Byte
// 2i of a vector belongs to row i, byte 2i + 1 to row 8 + i, so that sums widen by a shift: `odd` sums the upper bytes
// and `both` the 16-bit lanes, and the sums of the lower bytes are both − 256 · odd. Both begin so that these sums
// begin at −zero.
//
// F, an @unmanaged class without fields, is a format:
//
//   bits()                            of a code; 3: the lowest bits lie behind the upper two, and so do their tables
//   span(), zero()                    of its tables
//   fours()                           whether four columns share a code
//   codebook()                        whether a matrix has levels; tables are made again where a block has others, as
//                                     it happens in matrices that were joined
//   makeTables(to, cols, codebook)    behind what `fit` made
//   scales(codebook), largest(codebook)   where the rows' scales lie, and what all of them are multiplied by
//
// Eight bits of activation would not be faster, so 14 are read whatever the caller asks for.
import { recordBytes, scaleOf } from "../lib/activation";
import { nibbles } from "../lib/constants";
import { lookup } from "../lib/lookup";
import { storeRows } from "../lib/rows";
import { fit, GROUP, headBytes, SINK } from "../lib/tables";

// Bytes of eight columns of 16 rows; of their tables, and of those of a group.
@inline function tileStep<F>(): usize {
  return changetype<F>(0).bits() == 3 ? 48 : 32;
}

@inline function tablesStep<F>(): usize {
  return changetype<F>(0).bits() == 3 ? 96 : 64;
}

@inline function groupStep<F>(): usize {
  return tablesStep<F>() * <usize>(GROUP >> 3);
}

// Bytes that a token has in scratch memory: what `fit` makes, and its tables.
@inline function tokenBytes<F>(cols: i32): usize {
  return headBytes(cols) + <usize>(cols >> 3) * tablesStep<F>() + SINK;
}

// What is said above of a format without levels, in which a block's codebook is the scales of its rows.
@unmanaged
export class ScaledRows {
  @inline codebook(): bool {
    return false;
  }

  @inline scales(codebook: usize): usize {
    return codebook;
  }

  @inline largest(_codebook: usize): f32 {
    return 1;
  }
}

// Entries of eight columns, 16 rows, two columns a lookup.
@inline function four(tables: usize, c0: v128, c1: v128, c2: v128, c3: v128): v128 {
  const first = i8x16.add(lookup(v128.load(tables), c0), lookup(v128.load(tables, 16), c1));
  return i8x16.add(first, i8x16.add(lookup(v128.load(tables, 32), c2), lookup(v128.load(tables, 48), c3)));
}

// Entries of four columns in three bits: two lookups by the upper bits, `lowest` bytes on one by the lowest.
@inline function three(tables: usize, c0: v128, c1: v128, lowest: usize, c2: v128): v128 {
  const upper = i8x16.add(lookup(v128.load(tables), c0), lookup(v128.load(tables, 16), c1));
  return i8x16.add(upper, lookup(v128.load(tables + lowest), c2));
}

@inline function low4(acc: v128, sums: v128, scale: v128): v128 {
  return f32x4.add(acc, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(sums)), scale));
}

@inline function high4(acc: v128, sums: v128, scale: v128): v128 {
  return f32x4.add(acc, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(sums)), scale));
}

@inline function storeBlock<F>(
  a: v128, b: v128, c: v128, d: v128, codebook: usize, scale: f32, rowsLeft: i32, out: usize, accumulate: i32,
): void {
  const largest = f32x4.splat(changetype<F>(0).largest(codebook));
  const scales = changetype<F>(0).scales(codebook);
  storeRows(out, f32x4.mul(f32x4.mul(v128.load(scales), largest), a), scale, rowsLeft, accumulate);
  storeRows(out + 16, f32x4.mul(f32x4.mul(v128.load(scales, 16), largest), b), scale, rowsLeft - 4, accumulate);
  storeRows(out + 32, f32x4.mul(f32x4.mul(v128.load(scales, 32), largest), c), scale, rowsLeft - 8, accumulate);
  storeRows(out + 48, f32x4.mul(f32x4.mul(v128.load(scales, 48), largest), d), scale, rowsLeft - 12, accumulate);
}

// The next block is `ahead` bytes on. In two bits each of its lines is touched while this one is computed: a processor
// that fetches ahead by itself stops at the end of a page of memory, which a block is about as long as. In three bits a
// block is longer, and touching takes more time than it saves (docs/record/log.md).
function oneToken<F>(
  tables: usize, tile: usize, cols: i32, scale: f32, rowsLeft: i32, out: usize, accumulate: i32, ahead: usize,
): void {
  const F0 = changetype<F>(0);
  let a = f32x4.splat(0), b = a, c = a, d = a, seen = a;
  const startOdd = i16x8.splat(<i16>-F0.zero()), startBoth = i16x8.splat(<i16>(-257 * F0.zero())), low = nibbles();
  let scales = tables;
  const end = tables + tokenBytes<F>(cols) - SINK;
  tables += headBytes(cols);
  while (tables < end) {
    let both = startBoth, odd = startOdd;
    if (F0.bits() == 2) {
      seen = v128.or(seen, v128.or(v128.load(tile + ahead), v128.load(tile + ahead, 64)));
      seen = v128.or(seen, v128.or(v128.load(tile + ahead, 128), v128.load(tile + ahead, 192)));
    }
    for (const next = tables + groupStep<F>(); tables < next; tables += tablesStep<F>()) {
      const w0 = v128.load(tile), w1 = v128.load(tile, 16);
      const i = v128.and(w0, low), j = v128.and(i16x8.shr_u(w0, 4), low);
      const k = v128.and(w1, low), l = v128.and(i16x8.shr_u(w1, 4), low);
      if (F0.bits() == 3) {
        const w2 = v128.load(tile, 32);
        const s = three(tables, i, j, 64, v128.and(w2, low));
        const u = three(tables + 32, k, l, 48, v128.and(i16x8.shr_u(w2, 4), low));
        both = i16x8.add(both, i16x8.add(s, u));
        odd = i16x8.add(odd, i16x8.add(i16x8.shr_u(s, 8), i16x8.shr_u(u, 8)));
      } else {
        const s = four(tables, i, j, k, l);
        both = i16x8.add(both, s);
        odd = i16x8.add(odd, i16x8.shr_u(s, 8));
      }
      tile += tileStep<F>();
    }
    const own = v128.load_splat<f32>(scales);
    scales += 4;
    both = i16x8.sub(both, i16x8.shl(odd, 8));
    a = low4(a, both, own);
    b = high4(b, both, own);
    c = low4(c, odd, own);
    d = high4(d, odd, own);
  }
  storeBlock<F>(a, b, c, d, tile, scale, rowsLeft, out, accumulate);
  v128.store(end, seen);
}

// Two tokens, the digits 0 and 1, share each decoded code. The letters a b c d are rows 0 … 3, 4 … 7, 8 … 11, 12 … 15.
function twoTokens<F>(
  tables: usize, tile: usize, cols: i32, scale0: f32, scale1: f32, rowsLeft: i32,
  out: usize, stride: usize, accumulate: i32,
): void {
  const F0 = changetype<F>(0);
  let a0 = f32x4.splat(0), b0 = a0, c0 = a0, d0 = a0, a1 = a0, b1 = a0, c1 = a0, d1 = a0;
  const startOdd = i16x8.splat(<i16>-F0.zero()), startBoth = i16x8.splat(<i16>(-257 * F0.zero()));
  const record = tokenBytes<F>(cols);
  let scales = tables;
  const end = tables + record - SINK;
  tables += headBytes(cols);
  while (tables < end) {
    let both0 = startBoth, odd0 = startOdd, both1 = startBoth, odd1 = startOdd;
    const next = tables + groupStep<F>();
    for (; tables < next; tables += tablesStep<F>()) {
      const w0 = v128.load(tile), w1 = v128.load(tile, 16);
      const i = v128.and(w0, nibbles()), j = v128.and(i16x8.shr_u(w0, 4), nibbles());
      const k = v128.and(w1, nibbles()), l = v128.and(i16x8.shr_u(w1, 4), nibbles());
      if (F0.bits() == 3) {
        const w2 = v128.load(tile, 32);
        const m = v128.and(w2, nibbles()), n = v128.and(i16x8.shr_u(w2, 4), nibbles());
        let s = three(tables, i, j, 64, m), u = three(tables + 32, k, l, 48, n);
        both0 = i16x8.add(both0, i16x8.add(s, u));
        odd0 = i16x8.add(odd0, i16x8.add(i16x8.shr_u(s, 8), i16x8.shr_u(u, 8)));
        s = three(tables + record, i, j, 64, m), u = three(tables + record + 32, k, l, 48, n);
        both1 = i16x8.add(both1, i16x8.add(s, u));
        odd1 = i16x8.add(odd1, i16x8.add(i16x8.shr_u(s, 8), i16x8.shr_u(u, 8)));
      } else {
        let s = four(tables, i, j, k, l);
        both0 = i16x8.add(both0, s);
        odd0 = i16x8.add(odd0, i16x8.shr_u(s, 8));
        s = four(tables + record, i, j, k, l);
        both1 = i16x8.add(both1, s);
        odd1 = i16x8.add(odd1, i16x8.shr_u(s, 8));
      }
      tile += tileStep<F>();
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
  storeBlock<F>(a0, b0, c0, d0, tile, scale0, rowsLeft, out, accumulate);
  storeBlock<F>(a1, b1, c1, d1, tile, scale1, rowsLeft, out + stride, accumulate);
}

@inline export function byTables<F>(
  act: usize,
  T: i32,
  weight: usize,
  blockBytes: i32,
  rows: i32,
  cols: i32,
  out: usize,
  outStride: i32,
  accumulate: i32,
  scratch: usize,
): void {
  const F0 = changetype<F>(0);
  const record = recordBytes(cols);
  const tables = tokenBytes<F>(cols);
  const stride = <usize>(outStride << 2);
  for (let t = 0; t < T; t++) fit(act + record * t, cols, F0.span(), F0.fours(), scratch + tables * t);
  let levels: usize = 0;
  for (let r = 0; r < rows; r += 16) {
    const own = weight + <usize>(cols >> 3) * tileStep<F>();
    if (levels == 0 || (F0.codebook() && v128.any_true(v128.xor(v128.load(own), v128.load(levels))))) {
      for (let t = 0; t < T; t++) F0.makeTables(scratch + tables * t, cols, own);
      levels = own;
    }
    let x = act, from = scratch, to = out + <usize>(r << 2);
    let t = 0;
    for (; t + 2 <= T; t += 2) {
      const second = scaleOf<i16>(x + record);
      twoTokens<F>(from, weight, cols, scaleOf<i16>(x), second, rows - r, to, stride, accumulate);
      x += record << 1;
      from += tables << 1;
      to += stride << 1;
    }
    const ahead = r + 16 < rows ? <usize>blockBytes : 0;
    if (t < T) oneToken<F>(from, weight, cols, scaleOf<i16>(x), rows - r, to, accumulate, ahead);
    weight += blockBytes;
  }
}
