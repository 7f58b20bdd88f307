// The loops that all weight formats share. The outer loop is over blocks of 16 rows, the inner over tokens, four at a
// time and then one by one, so that a block's weights come from memory once whatever T is. A format F is an @unmanaged
// class without fields:
//
//   one(x, tiles, rowsLeft, cols, out, accumulate)            a block against one record
//   four(x, tiles, rowsLeft, cols, out, stride, accumulate)   a block against four records
//
// P is how it reads records: i16 for 14 bits, i8 for 8 bits (lib/activation.ts).
import { recordBytes } from "../lib/activation";

@inline export function drive<F, P>(
  act: usize,
  T: i32,
  weight: usize,
  blockBytes: i32,
  rows: i32,
  cols: i32,
  out: usize,
  outStride: i32,
  accumulate: i32,
): void {
  const format = changetype<F>(0);
  const record = recordBytes(cols);
  const stride = <usize>(outStride << 2);
  for (let r = 0; r < rows; r += 16) {
    let x = act;
    let o = out + <usize>(r << 2);
    let t = 0;
    for (; t + 4 <= T; t += 4) {
      format.four(x, weight, rows - r, cols, o, stride, accumulate);
      x += record << 2;
      o += stride << 2;
    }
    for (; t < T; t++) {
      format.one(x, weight, rows - r, cols, o, accumulate);
      x += record;
      o += stride;
    }
    weight += blockBytes;
  }
}
