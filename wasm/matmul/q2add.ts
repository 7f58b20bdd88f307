// q2add: additive codes of two books, drawn in src/core/model/formats/q2add.ts, multiplied by tables (by-tables.ts), one of
// four columns for each book (lib/entries.ts). The longest entries have a length of 1.06, so tables hold 1 … 63.
import { middle16, TWO_BOOKS, twoBooks } from "../lib/constants";
import { entryTable, products } from "../lib/entries";
import { headBytes, scalesBytes } from "../lib/tables";
import { byTables, ScaledRows } from "./by-tables";
import { embedBooks } from "./embed-books";

// The two tables of the columns whose n start at `from`.
@inline function two(from: usize, to: usize): void {
  const x0 = v128.load_splat<i16>(from), x1 = v128.load_splat<i16>(from, 2);
  const x2 = v128.load_splat<i16>(from, 4), x3 = v128.load_splat<i16>(from, 6);
  entryTable(products(twoBooks(0), twoBooks(1), twoBooks(2), twoBooks(3), x0, x1, x2, x3), middle16(), to);
  entryTable(products(twoBooks(4), twoBooks(5), twoBooks(6), twoBooks(7), x0, x1, x2, x3), middle16(), to + 16);
}

@unmanaged
class TwoBooks extends ScaledRows {
  @inline bits(): i32 {
    return 2;
  }

  @inline fours(): bool {
    return true;
  }

  @inline span(): f32 {
    return 29.5;
  }

  // 32 of each table.
  @inline zero(): i32 {
    return 32 * 32;
  }

  makeTables(to: usize, cols: i32, _codebook: usize): void {
    let from = to + scalesBytes(cols);
    to += headBytes(cols);
    for (const end = to; from < end; from += 8) {
      two(from, to);
      to += 32;
    }
  }
}

export function matmulQ2add(
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
  byTables<TwoBooks>(act, T, weight, blockBytes, rows, cols, out, outStride, accumulate, scratch);
}

export function embedQ2add(weight: usize, blockBytes: i32, row: i32, cols: i32, out: usize): void {
  embedBooks(weight, blockBytes, row, cols, out, 2, TWO_BOOKS);
}
