// out[t][r] += scale · Σ_j value[r][j] · q[column[r][j]]: the sparse part of SqueezeLLM's dense-and-sparse
// decomposition (Kim et al. 2023, arXiv 2306.07629, §4.2), as many outliers as each row has. The table is drawn in
// src/core/model/layouts.ts; it holds rows in lanes, so only the activations are gathered one by one. They are unpacked to
// f32 once a call.
import { planeOffset, recordBytes, scaleOf } from "../lib/activation";
import { fromTiny, tinyUpper4 } from "../lib/f16";

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

// sum + value · q of four lanes, in tinies.
@inline function add(sum: v128, x: usize, entry: usize): v128 {
  let q = v128.load32_zero(at(x, entry));
  q = v128.load32_lane(at(x, entry + 4), q, 1);
  q = v128.load32_lane(at(x, entry + 8), q, 2);
  q = v128.load32_lane(at(x, entry + 12), q, 3);
  return f32x4.add(sum, f32x4.mul(tinyUpper4(v128.load(entry)), q));
}

@inline function addTo(out: usize, row: u32, v: f32): void {
  const to = out + <usize>(row << 2);
  store<f32>(to, load<f32>(to) + v);
}

// A lane after the other: a row may have several.
@inline function scatter(out: usize, rows: u32, v: v128): void {
  addTo(out, rows & 255, f32x4.extract_lane(v, 0));
  addTo(out, (rows >> 8) & 255, f32x4.extract_lane(v, 1));
  addTo(out, (rows >> 16) & 255, f32x4.extract_lane(v, 2));
  addTo(out, rows >> 24, f32x4.extract_lane(v, 3));
}

@inline function all<P>(
  act: usize, T: i32, table: usize, rows: i32, cols: i32, out: usize, stride: usize, x: usize,
): void {
  const record = recordBytes(cols);
  for (let t = 0; t < T; t++) unpack<P>(act + record * t, cols, x + <usize>(t * cols << 2));
  for (; rows > 0; rows -= 64) {
    let strips = load<u32>(table);
    for (table += 4; strips > 0; strips--) {
      const lanes = load<u32>(table);
      // Where rows have about as many, the lanes are neighbours.
      const neighbours = lanes - (lanes & 255) * 0x01010101 == 0x03020100;
      const first = table + 8;
      table = first + <usize>(load<u32>(table, 4) << 4);
      for (let t = 0; t < T; t++) {
        const y = x + <usize>(t * cols << 2);
        let sum = f32x4.splat(0);
        for (let entry = first; entry < table; entry += 16) sum = add(sum, y, entry);
        sum = f32x4.mul(fromTiny(sum), f32x4.splat(scaleOf<P>(act + record * t)));
        const to = out + stride * t;
        if (neighbours) {
          const four = to + <usize>((lanes & 255) << 2);
          v128.store(four, f32x4.add(v128.load(four), sum));
        } else {
          scatter(to, lanes, sum);
        }
      }
    }
    out += 256;
  }
}

export function addOutliers(
  act: usize,
  T: i32,
  table: usize,
  rows: i32,
  cols: i32,
  bits: i32,
  out: usize,
  outStride: i32,
  scratch: usize,
): void {
  const stride = <usize>(outStride << 2);
  if (bits == 8) all<i8>(act, T, table, rows, cols, out, stride, scratch);
  else all<i16>(act, T, table, rows, cols, out, stride, scratch);
}
