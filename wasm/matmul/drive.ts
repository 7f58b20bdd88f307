// The loops that all weight formats share. The outer loop is over blocks of 16 rows, the inner over tokens, four at a
// time and then one by one, so that a block's weights come from memory once whatever T is. A format F is an @unmanaged
// class without fields:
//
//   one(x, tiles, rowsLeft, cols, out, accumulate)            a block against one record
//   four(x, tiles, rowsLeft, cols, out, stride, accumulate)   a block against four records
//   unit()                                                    columns come in multiples of it
//   whole()                                                   whether it reads more of a record than the planes of P
//
// P is how it reads records: i16 for 14 bits, i8 for 8 bits (lib/activation.ts).
//
// In a sparse matrix (keep < 16) the 16 rows of a block keep the same `keep` of each 16 columns. The record is gathered
// once for each block and token; the block is then a dense block over the kept columns.
import { recordBytes } from "../lib/activation";
import { gather, indexBytes, keptColumns } from "./gather";

@inline export function drive<F, P>(
  act: usize,
  T: i32,
  weight: usize,
  blockBytes: i32,
  rows: i32,
  cols: i32,
  keep: i32,
  out: usize,
  outStride: i32,
  accumulate: i32,
  scratch: usize,
): void {
  const format = changetype<F>(0);
  const sparse = keep < 16;
  const kept = sparse ? keptColumns(cols, keep, format.unit()) : cols;
  const record = recordBytes(kept);
  const stride = <usize>(outStride << 2);
  for (let r = 0; r < rows; r += 16) {
    const tiles = sparse ? weight + indexBytes(cols, keep) : weight;
    let x = act;
    if (sparse) {
      const whole = recordBytes(cols);
      for (let t = 0; t < T; t++) {
        gather<P>(act + whole * t, cols, weight, keep, kept, format.whole(), scratch + record * t);
      }
      x = scratch;
    }
    let o = out + <usize>(r << 2);
    let t = 0;
    for (; t + 4 <= T; t += 4) {
      format.four(x, tiles, rows - r, kept, o, stride, accumulate);
      x += record << 2;
      o += stride << 2;
    }
    for (; t < T; t++) {
      format.one(x, tiles, rows - r, kept, o, accumulate);
      x += record;
      o += stride;
    }
    weight += blockBytes;
  }
}
