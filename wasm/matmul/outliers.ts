// out[t][r] += scale · Σ_j value[r][j] · q[column[r][j]]: the sparse part of SqueezeLLM's dense-and-sparse decomposition
// (Kim et al. 2023, arXiv 2306.07629, §4.2), the same number of outliers in every row. The table is drawn in
// src/model/layouts.ts; it holds the rows in lanes, so only the activations are gathered one by one. They are unpacked to f32
// once a call.
import { planeOffset, recordBytes, scaleOf } from "../lib/activation";
import { upperHalves } from "../lib/constants";
import { storeRows } from "../lib/rows";

// The integers of a record as f32.
@inline function unpack<P>(record: usize, cols: i32, to: usize): void {
  let plane = record + planeOffset<P>(cols);
  const low = <usize>cols;
  const end = plane + low;
  for (; plane < end; plane += 8) {
    let q = v128.load_ext<i8>(plane);
    if (sizeof<P>() == 2) q = i16x8.add(i16x8.shl(q, 7), v128.load_ext<i8>(plane + low));
    v128.store(to, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(q)));
    v128.store(to, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(q)), 16);
    to += 32;
  }
}

@inline function at(x: usize, entry: usize): usize {
  return x + <usize>(<u32>load<u16>(entry) << 2);
}

// acc + value · q of four rows.
@inline function add(acc: v128, x: usize, entry: usize): v128 {
  let q = v128.load32_zero(at(x, entry));
  q = v128.load32_lane(at(x, entry + 4), q, 1);
  q = v128.load32_lane(at(x, entry + 8), q, 2);
  q = v128.load32_lane(at(x, entry + 12), q, 3);
  return f32x4.add(acc, f32x4.mul(v128.and(v128.load(entry), upperHalves()), q));
}

@inline function all<P>(
  act: usize, T: i32, table: usize, blockBytes: i32, perRow: i32, rows: i32, cols: i32, out: usize, stride: usize, x: usize,
): void {
  const record = recordBytes(cols);
  for (let t = 0; t < T; t++) unpack<P>(act + record * t, cols, x + <usize>(t * cols << 2));
  for (let r = 0; r < rows; r += 16) {
    const end = table + <usize>(perRow << 6);
    for (let t = 0; t < T; t++) {
      const y = x + <usize>(t * cols << 2);
      let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
      for (let entry = table; entry < end; entry += 64) {
        a = add(a, y, entry);
        b = add(b, y, entry + 16);
        c = add(c, y, entry + 32);
        d = add(d, y, entry + 48);
      }
      const to = out + <usize>(r << 2) + stride * t;
      const scale = scaleOf<P>(act + record * t);
      storeRows(to, a, scale, rows - r, 1);
      storeRows(to + 16, b, scale, rows - r - 4, 1);
      storeRows(to + 32, c, scale, rows - r - 8, 1);
      storeRows(to + 48, d, scale, rows - r - 12, 1);
    }
    table += blockBytes;
  }
}

export function addOutliers(
  act: usize,
  T: i32,
  table: usize,
  blockBytes: i32,
  perRow: i32,
  rows: i32,
  cols: i32,
  bits: i32,
  out: usize,
  outStride: i32,
  scratch: usize,
): void {
  const stride = <usize>(outStride << 2);
  if (bits == 8) all<i8>(act, T, table, blockBytes, perRow, rows, cols, out, stride, scratch);
  else all<i16>(act, T, table, blockBytes, perRow, rows, cols, out, stride, scratch);
}
