/** The plain twins of q2add and q3add, whose layouts are drawn in model/formats/ and whose tables in wasm/lib/entries.ts. */
import { type Books, CODE_COLS, ENTRY_UNIT, entryOf, THREE_BOOKS, TWO_BOOKS } from "../../model/formats/books.ts";
import type { Format } from "../../model/formats/format.ts";
import { q2add } from "../../model/formats/q2add.ts";
import { q3add } from "../../model/formats/q3add.ts";
import { ROTATED_COLS } from "../../model/formats/rotation.ts";
import { fittedGroups, peakOfFours, rotated, unrotated } from "./tables.ts";
import type { Twin } from "./twin.ts";

const f32 = Math.fround;

const plainAdditive = (format: Format, books: Books, span: number): Twin => {
  return (view) => {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    const scale = (block: number, r: number, cols: number): number =>
      view.getFloat32(block + (cols / ROTATED_COLS) * format.unitBytes + 4 * r, true);
    return {
      /** scale[r] · Σ over groups of 64 columns of (peak / span) · Σ T, less what each T has at 0. */
      rowSum(block, r, q) {
        let acc = 0;
        for (const { first, peak, fitted } of fittedGroups(rotated(q), span, peakOfFours)) {
          let sum = 0;
          for (let k = 0; k < ROTATED_COLS; k += CODE_COLS) {
            const code = format.codes.read(bytes, block, r, first + k, q.length);
            for (const [at, book] of books.books.entries()) {
              const n = (code >> (4 * at)) & 15;
              // The table has the products of the first eight entries, and those with the opposite sign.
              let half = 0;
              for (let i = 0; i < CODE_COLS; i++) half += (entryOf(book, n & 7, i) * fitted[k + i]! + 64) >> 7;
              sum += ((n < 8 ? half : -half) + 128) >> 8;
            }
          }
          acc = f32(acc + f32(sum * f32(peak / span)));
        }
        return f32(scale(block, r, q.length) * acc);
      },
      weightAt: unrotated((block, r, k, cols) => {
        let sum = 0;
        const code = format.codes.read(bytes, block, r, k, cols);
        for (const [at, book] of books.books.entries()) sum += entryOf(book, (code >> (4 * at)) & 15, k % CODE_COLS);
        return f32(scale(block, r, cols) * (sum / ENTRY_UNIT));
      }),
    };
  };
};

export const plainQ2add = plainAdditive(q2add, TWO_BOOKS, 29.5);
export const plainQ3add = plainAdditive(q3add, THREE_BOOKS, 46);
