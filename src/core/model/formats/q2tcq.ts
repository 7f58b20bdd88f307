/**
 * q2tcq: codes of two books in a chain (chained-books.ts), two bits a weight, in the basis of rotation.ts. They lie as
 * those of q2add do. The first four columns of a row have the entries of their own code alone.
 *
 *   value = scale[row] · (the sum of an entry of each book, of this code and of the one before it) / 128
 *
 * Its matmul looks products up in tables of the rotated activation, as that of q2add does, and reads 14 bits of it.
 */
import { additive } from "./books.ts";
import { TWO_CHAINED } from "./chained-books.ts";
import { TWO_BOOK_CODES } from "./q2add.ts";

export const q2tcq = additive({ books: TWO_CHAINED, ...TWO_BOOK_CODES });
