/**
 * q3add: additive codes of three books (books.ts), three bits a weight, in the basis of rotation.ts.
 *
 *   q3add 48 bytes for 16 rows × 8 columns   value = scale[row] · (the sum of an entry of each book) / 128
 *         0    columns 0 … 3: entries of the first and second book, as a byte of q2add lies
 *         16   columns 4 … 7
 *         32   entries of the third book: byte 2i row i, byte 2i + 1 row 8 + i; columns 0 … 3 in the low half,
 *              4 … 7 in the high half
 *         codebook of a block: 16 × f32 scale
 *
 * Its matmul looks products up in tables of the rotated activation, as that of q3had does, and reads 14 bits of it.
 */
import { additive, THREE_BOOKS } from "./books.ts";
import { Q2HAD } from "./q2had.ts";
import { Q3HAD } from "./q3had.ts";

const firstByte = (r: number, k: number): number => (k >> 3) * Q3HAD.columnsBytes + 2 * (r & 7) + (r >> 3);
const pairByte = (r: number, k: number): number => firstByte(r, k) + ((k >> 2) & 1) * Q2HAD.columnsBytes;
const thirdByte = (r: number, k: number): number => firstByte(r, k) + Q3HAD.lowest;

export const q3add = additive({
  books: THREE_BOOKS,
  columnsBytes: Q3HAD.columnsBytes,
  read: (bytes, at, r, k) => bytes[at + pairByte(r, k)]! | (((bytes[at + thirdByte(r, k)]! >> (k & 4)) & 15) << 8),
  write(bytes, at, r, k, code) {
    bytes[at + pairByte(r, k)] = code & 255;
    bytes[at + thirdByte(r, k)]! |= (code >> 8) << (k & 4);
  },
});
