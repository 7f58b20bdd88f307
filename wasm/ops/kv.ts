// Keys and values of new tokens → int8 in the KV pages.
//   scale = max|v| / 127,  q = round(v · 127 / max|v|); keys per 16 channels, values per token.
import { headBlockBytes, keyScales, PAGE_MASK, pageOf, valueScales, values } from "../lib/page";
import { max4 } from "../lib/reduce";

@inline function peak(x: usize, n: i32): f32 {
  let top = f32x4.splat(0);
  for (let i = 0; i < n; i += 4) top = f32x4.pmax(top, f32x4.abs(v128.load(x + <usize>(i << 2))));
  return max4(top);
}

@inline function bytes16(x: usize, toInt: v128): v128 {
  const a = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(x), toInt)));
  const b = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(x, 16), toInt)));
  const c = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(x, 32), toInt)));
  const d = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(x, 48), toInt)));
  return i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
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
  const groups = D >> 4;
  for (let t = 0; t < T; t++) {
    const slot = (position + t) & PAGE_MASK;
    let block = pageOf(pages, position + t) + layerOffset;
    for (let g = 0; g < G; g++) {
      const key = k + <usize>((g * D) << 2);
      for (let c = 0; c < groups; c++) {
        const top = peak(key + <usize>(c << 6), 16);
        store<f32>(block + keyScales(D) + <usize>((slot * groups + c) << 2), top / 127.0);
        const toInt = f32x4.splat(top > 0 ? <f32>127.0 / top : 0);
        v128.store(block + <usize>(slot * D + (c << 4)), bytes16(key + <usize>(c << 6), toInt));
      }
      const value = v + <usize>((g * D) << 2);
      const top = peak(value, D);
      store<f32>(block + valueScales(D) + <usize>(slot << 2), top / 127.0);
      const toInt = f32x4.splat(top > 0 ? <f32>127.0 / top : 0);
      for (let c = 0; c < groups; c++) {
        v128.store(block + values(D) + <usize>(slot * D + (c << 4)), bytes16(value + <usize>(c << 6), toInt));
      }
      block += headBlockBytes(D);
    }
    k += <usize>(stride << 2);
    v += <usize>(stride << 2);
  }
}
