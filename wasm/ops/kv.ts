// Keys and values of new tokens → the KV pages, one scale each a token and head:
//   keys    q = round(k · 2047 / max|k|), 12 bits as high byte and low nibble
//   values  q = round(v · 127 / max|v|), int8
import { headBlockBytes, keyLows, keyScales, PAGE_MASK, pageOf, values, valueScales } from "../lib/page";
import { max4 } from "../lib/reduce";
import { round8 } from "../lib/round";

@inline function peak(x: usize, n: i32): f32 {
  let top = f32x4.splat(0);
  for (let i = 0; i < n; i += 4) top = f32x4.pmax(top, f32x4.abs(v128.load(x + <usize>(i << 2))));
  return max4(top);
}

@inline function storeKeys32(x: usize, toInt: v128, high: usize, low: usize): void {
  const a = round8(x, toInt);
  const b = round8(x + 32, toInt);
  const c = round8(x + 64, toInt);
  const d = round8(x + 96, toInt);
  v128.store(high, i8x16.narrow_i16x8_s(i16x8.shr_s(a, 4), i16x8.shr_s(b, 4)));
  v128.store(high, i8x16.narrow_i16x8_s(i16x8.shr_s(c, 4), i16x8.shr_s(d, 4)), 16);
  const nibble = i16x8.splat(15);
  const lower = i8x16.narrow_i16x8_s(v128.and(a, nibble), v128.and(b, nibble));
  const upper = i8x16.narrow_i16x8_s(v128.and(c, nibble), v128.and(d, nibble));
  v128.store(low, v128.or(lower, i16x8.shl(upper, 4)));
}

// A key of D floats at x → `slot` of a head block.
@inline export function storeKey(x: usize, block: usize, slot: i32, D: i32): void {
  const top = peak(x, D);
  store<f32>(block + keyScales(D) + <usize>(slot << 2), top / 2047.0);
  const toInt = f32x4.splat(top > 0 ? <f32>2047.0 / top : 0);
  for (let c = 0; c < D; c += 32) {
    const high = block + <usize>(slot * D + c);
    storeKeys32(x + <usize>(c << 2), toInt, high, block + keyLows(D) + <usize>((slot * D + c) >> 1));
  }
}

// The same of a value.
@inline export function storeValue(x: usize, block: usize, slot: i32, D: i32): void {
  const top = peak(x, D);
  store<f32>(block + valueScales(D) + <usize>(slot << 2), top / 127.0);
  const toInt = f32x4.splat(top > 0 ? <f32>127.0 / top : 0);
  for (let c = 0; c < D; c += 16) {
    const at = x + <usize>(c << 2);
    const bytes = i8x16.narrow_i16x8_s(round8(at, toInt), round8(at + 32, toInt));
    v128.store(block + values(D) + <usize>(slot * D + c), bytes);
  }
}

export function kvAppend(
  k: usize,
  v: usize,
  stride: i32,
  T: i32,
  G: i32,
  D: i32,
  pages: usize,
  layerOffset: usize,
  position: i32,
): void {
  for (let t = 0; t < T; t++) {
    const slot = (position + t) & PAGE_MASK;
    let block = pageOf(pages, position + t) + layerOffset;
    for (let g = 0; g < G; g++) {
      storeKey(k + <usize>((g * D) << 2), block, slot, D);
      storeValue(v + <usize>((g * D) << 2), block, slot, D);
      block += headBlockBytes(D);
    }
    k += <usize>(stride << 2);
    v += <usize>(stride << 2);
  }
}
