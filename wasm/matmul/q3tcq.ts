// q3tcq: codes of three books in a chain, drawn in src/core/model/formats/q3tcq.ts, multiplied by tables (by-tables.ts), one
// of eight columns for each book (lib/entries.ts). The longest entries of the books have lengths of 1.247, 1.106 and
// 0.745. So tables hold 1 … 93, 0 … 82 and 8 … 64. Of eight columns there are four of the first two books, then two of
// the third.
import { middle36, middle41, middle47, THREE_CHAINED, threeChained } from "../lib/constants";
import { entryTable, products } from "../lib/entries";
import { headBytes, RotatedChain, scalesBytes } from "../lib/tables";
import { byTables, ScaledRows } from "./by-tables";
import { embedBooks } from "./embed-books";

// What the entries of book `n` / 8 yield with four columns and the four behind them.
@inline function both(
  n: usize, x0: v128, x1: v128, x2: v128, x3: v128, x4: v128, x5: v128, x6: v128, x7: v128,
): v128 {
  const own = products(threeChained(n), threeChained(n + 1), threeChained(n + 2), threeChained(n + 3), x0, x1, x2, x3);
  const e4 = threeChained(n + 4), e5 = threeChained(n + 5), e6 = threeChained(n + 6), e7 = threeChained(n + 7);
  return i16x8.add(own, products(e4, e5, e6, e7, x4, x5, x6, x7));
}

// The three tables of the four columns whose n start at `from`, and of the four behind them: the third at `third`.
@inline function three(from: usize, to: usize, third: usize): void {
  const x0 = v128.load_splat<i16>(from), x1 = v128.load_splat<i16>(from, 2);
  const x2 = v128.load_splat<i16>(from, 4), x3 = v128.load_splat<i16>(from, 6);
  const x4 = v128.load_splat<i16>(from, 8), x5 = v128.load_splat<i16>(from, 10);
  const x6 = v128.load_splat<i16>(from, 12), x7 = v128.load_splat<i16>(from, 14);
  entryTable(both(0, x0, x1, x2, x3, x4, x5, x6, x7), middle47(), to);
  entryTable(both(8, x0, x1, x2, x3, x4, x5, x6, x7), middle41(), to + 16);
  entryTable(both(16, x0, x1, x2, x3, x4, x5, x6, x7), middle36(), third);
}

@unmanaged
class ThreeChained extends ScaledRows {
  @inline bits(): i32 {
    return 3;
  }

  @inline span(): f32 {
    return 37;
  }

  // Of each four columns.
  @inline zero(): i32 {
    return 16 * (47 + 41 + 36);
  }

  makeTables(to: usize, cols: i32, _codebook: usize): void {
    let from = to + scalesBytes<RotatedChain>(cols);
    to += headBytes<RotatedChain>(cols);
    // The integers of a group are 128 bytes, then 8 of the columns behind it.
    for (const end = to; from < end; from += 8) {
      for (const next = from + 128; from < next; to += 96) {
        // Compiled once, so the module stays smaller.
        for (let half: usize = 0; half < 2; half++) {
          three(from, to + (half << 5), to + 64 + (half << 4));
          from += 8;
        }
      }
    }
  }
}

export function matmulQ3tcq(
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
  byTables<ThreeChained, RotatedChain>(act, T, weight, blockBytes, rows, cols, out, outStride, accumulate, scratch);
}

export function embedQ3tcq(weight: usize, blockBytes: i32, row: i32, cols: i32, out: usize): void {
  embedBooks(weight, blockBytes, row, cols, out, 3, 8, THREE_CHAINED);
}
