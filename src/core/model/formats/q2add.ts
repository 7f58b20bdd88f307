/**
 * q2add: additive codes of two books (books.ts), two bits a weight, in the basis of rotation.ts.
 *
 *   q2add 16 bytes for 16 rows × 4 columns   value = scale[row] · (the sum of an entry of each book) / 128
 *         byte 2i: row i, byte 2i + 1: row 8 + i; the first book's entry in the low half, the second's in the high half
 *         codebook of a block: 16 × f32 scale
 *
 * Its matmul looks products up in tables of the rotated activation, as those of q2had do, and reads 14 bits of it.
 */
import { additive, TWO_BOOKS } from "./books.ts";
import { Q2HAD } from "./q2had.ts";

const byteOf = (r: number, k: number): number => (k >> 2) * Q2HAD.columnsBytes + 2 * (r & 7) + (r >> 3);

export const q2add = additive({
  books: TWO_BOOKS,
  columnsBytes: 2 * Q2HAD.columnsBytes,
  read: (bytes, at, r, k) => bytes[at + byteOf(r, k)]!,
  write(bytes, at, r, k, code) {
    bytes[at + byteOf(r, k)] = code;
  },
});
