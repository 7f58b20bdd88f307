/**
 * q3tcq: codes of three books in a chain (chained-books.ts), three bits a weight, in the basis of rotation.ts. They lie
 * as those of q3add do. The first four columns of a row have the entries of their own code alone.
 *
 *   value = scale[row] · (the sum of an entry of each book, of this code and of the one before it) / 128
 *
 * Its matmul looks products up in tables of the rotated activation, as that of q3add does, and reads 14 bits of it.
 */
import { additive } from "./books.ts";
import { THREE_CHAINED } from "./chained-books.ts";
import { THREE_BOOK_CODES } from "./q3add.ts";

export const q3tcq = additive({ books: THREE_CHAINED, ...THREE_BOOK_CODES });
