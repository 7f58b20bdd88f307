// q2tcq: codes of two books in a chain, drawn in src/core/model/formats/q2tcq.ts, multiplied by tables (by-tables.ts), one
// of eight columns for each book (lib/entries.ts). The longest entries have a length of 1.253, so tables hold 1 … 63.
import { middle16, TWO_CHAINED, twoChained } from "../lib/constants";
import { entryTable, products } from "../lib/entries";
import { headBytes, RotatedChain, scalesBytes } from "../lib/tables";
import { byTables, ScaledRows } from "./by-tables";
import { embedBooks } from "./embed-books";

// The two tables of the four columns whose n start at `from`, and of the four behind them.
@inline function two(from: usize, to: usize): void {
  const x0 = v128.load_splat<i16>(from), x1 = v128.load_splat<i16>(from, 2);
  const x2 = v128.load_splat<i16>(from, 4), x3 = v128.load_splat<i16>(from, 6);
  const x4 = v128.load_splat<i16>(from, 8), x5 = v128.load_splat<i16>(from, 10);
  const x6 = v128.load_splat<i16>(from, 12), x7 = v128.load_splat<i16>(from, 14);
  const a = products(twoChained(0), twoChained(1), twoChained(2), twoChained(3), x0, x1, x2, x3);
  const b = products(twoChained(4), twoChained(5), twoChained(6), twoChained(7), x4, x5, x6, x7);
  entryTable(i16x8.add(a, b), middle16(), to);
  const c = products(twoChained(8), twoChained(9), twoChained(10), twoChained(11), x0, x1, x2, x3);
  const d = products(twoChained(12), twoChained(13), twoChained(14), twoChained(15), x4, x5, x6, x7);
  entryTable(i16x8.add(c, d), middle16(), to + 16);
}

@unmanaged
class TwoChained extends ScaledRows {
  @inline bits(): i32 {
    return 2;
  }

  @inline span(): f32 {
    return 24.5;
  }

  // 32 of each table.
  @inline zero(): i32 {
    return 32 * 32;
  }

  makeTables(to: usize, cols: i32, _codebook: usize): void {
    let from = to + scalesBytes<RotatedChain>(cols);
    to += headBytes<RotatedChain>(cols);
    // The integers of a group are 128 bytes, then 8 of the columns behind it.
    for (const end = to; from < end; from += 8) {
      for (const next = from + 128; from < next; from += 8) {
        two(from, to);
        to += 32;
      }
    }
  }
}

export function matmulQ2tcq(
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
  byTables<TwoChained, RotatedChain>(act, T, weight, blockBytes, rows, cols, out, outStride, accumulate, scratch);
}

export function embedQ2tcq(weight: usize, blockBytes: i32, row: i32, cols: i32, out: usize): void {
  embedBooks(weight, blockBytes, row, cols, out, 2, 8, TWO_CHAINED);
}
