// q3add: additive codes of three books, drawn in src/core/model/formats/q3add.ts, multiplied by tables (by-tables.ts), one
// of four columns for each book (lib/entries.ts). The longest entries of the books have lengths of 1.03, 0.90 and 0.78.
// So tables hold 0 … 94, 0 … 82 and 0 … 72. Of eight columns there are four of the first two books, then two of the
// third.
import { middle36, middle41, middle47, THREE_BOOKS, threeBooks } from "../lib/constants";
import { entryTable, products } from "../lib/entries";
import { headBytes, scalesBytes } from "../lib/tables";
import { byTables, ScaledRows } from "./by-tables";
import { embedBooks } from "./embed-books";

// The three tables of the columns whose n start at `from`: the third at `third`.
@inline function three(from: usize, to: usize, third: usize): void {
  const x0 = v128.load_splat<i16>(from), x1 = v128.load_splat<i16>(from, 2);
  const x2 = v128.load_splat<i16>(from, 4), x3 = v128.load_splat<i16>(from, 6);
  entryTable(products(threeBooks(0), threeBooks(1), threeBooks(2), threeBooks(3), x0, x1, x2, x3), middle47(), to);
  entryTable(products(threeBooks(4), threeBooks(5), threeBooks(6), threeBooks(7), x0, x1, x2, x3), middle41(), to + 16);
  entryTable(products(threeBooks(8), threeBooks(9), threeBooks(10), threeBooks(11), x0, x1, x2, x3), middle36(), third);
}

@unmanaged
class ThreeBooks extends ScaledRows {
  @inline bits(): i32 {
    return 3;
  }

  @inline fours(): bool {
    return true;
  }

  @inline span(): f32 {
    return 46;
  }

  // Of each four columns.
  @inline zero(): i32 {
    return 16 * (47 + 41 + 36);
  }

  makeTables(to: usize, cols: i32, _codebook: usize): void {
    let from = to + scalesBytes(cols);
    to += headBytes(cols);
    for (const end = to; from < end; from += 16) {
      three(from, to, to + 64);
      three(from + 8, to + 32, to + 80);
      to += 96;
    }
  }
}

export function matmulQ3add(
  act: usize,
  T: i32,
  weight: usize,
  blockBytes: i32,
  rows: i32,
  cols: i32,
  _bits: i32,
  out: usize,
  outStride: i32,
  accumulate: i32,
  scratch: usize,
): void {
  byTables<ThreeBooks>(act, T, weight, blockBytes, rows, cols, out, outStride, accumulate, scratch);
}

export function embedQ3add(weight: usize, blockBytes: i32, row: i32, cols: i32, out: usize): void {
  embedBooks(weight, blockBytes, row, cols, out, 3, THREE_BOOKS);
}
