/**
 * Additive codes: four neighbouring columns of a row share a code, four bits of which name one of sixteen entries in
 * each of two books or three. The columns hold the sum of these entries times the row's scale (additive quantisation:
 * Babenko, Lempitsky 2014, CVPR; of language models: AQLM, Egiazarian et al. 2024, arXiv 2401.06118).
 *
 * In the basis of rotation.ts weights are distributed normally, in whatever matrix, so all matrices have the same
 * books. They were fitted to normal numbers by turns for codes and entries, as in both papers. A code per weight of
 * as many bits loses a fifth more in two bits, and a quarter more in three (docs/record/log.md).
 */
import { BLOCK_ROWS, type BlockRow, type Codes, type Format } from "./format.ts";
import { finite } from "./parts.ts";
import { ROTATED_COLS, rotate } from "./rotation.ts";
import { tableBytes } from "./table-bytes.ts";

/** Columns that share a code. */
export const CODE_COLS = 4;

/** The first eight entries of a book, each of four columns; the other eight are these with the opposite sign. */
type Book = readonly (readonly number[])[];

export interface Books {
  readonly books: readonly Book[];
  /** The scale of a row of normal numbers over their root mean square. */
  readonly scale: number;
}

/** What an entry is divided by. */
export const ENTRY_UNIT = 128;

/** Two books, whose codes have eight bits. */
export const TWO_BOOKS: Books = {
  scale: 1.798,
  books: [
    [
      [127, -43, -5, 9],
      [117, 61, -26, 4],
      [54, 22, 35, -14],
      [47, -15, -47, -18],
      [43, 126, 8, -16],
      [14, 54, -18, 37],
      [-26, 49, -7, -42],
      [-58, 119, 19, 10],
    ],
    [
      [46, -15, 43, 24],
      [29, -1, 124, -44],
      [12, -13, 43, 127],
      [0, -1, 122, 58],
      [-4, 20, -57, 120],
      [-16, -39, -24, 51],
      [-18, 38, 23, 50],
      [-31, -22, 55, -18],
    ],
  ],
};

/** Three books, whose codes have twelve. */
export const THREE_BOOKS: Books = {
  scale: 1.921,
  books: [
    [
      [76, 48, 48, -49],
      [47, -51, 70, -11],
      [46, -64, 65, 80],
      [45, -3, 22, 31],
      [8, 72, 8, 82],
      [0, -33, -5, 127],
      [-27, -4, 76, 34],
      [-49, 56, 39, 2],
    ],
    [
      [82, -24, 23, 8],
      [71, 39, -65, -23],
      [48, 67, 62, 5],
      [47, 2, -18, 20],
      [26, 50, -45, 45],
      [16, -8, 85, -75],
      [-7, 93, 3, -23],
      [-39, 49, 49, 28],
    ],
    [
      [77, -18, -12, -19],
      [73, 57, -15, 33],
      [36, 22, 16, 25],
      [28, 5, -27, 14],
      [1, 24, -5, -8],
      [-12, 3, 9, 53],
      [-23, 67, 6, 26],
      [-28, 28, 84, 0],
    ],
  ],
};

/** Entry `n` of a book, 0 … 15, in column `column` of its code's four, as a whole number. */
export function entryOf(book: Book, n: number, column: number): number {
  const half = book[n & 7]![column]!;
  return n < 8 ? half : -half;
}

/** What a code stands for in column `column` of its four, before the row's scale. */
const sumOf = ({ books }: Books, code: number, column: number): number =>
  books.reduce((sum, book, at) => sum + entryOf(book, (code >> (4 * at)) & 15, column), 0) / ENTRY_UNIT;

/** (books · 16 · 4): what all entries add to their code's columns, before the row's scale. */
export const entriesOf = ({ books }: Books): Float64Array =>
  Float64Array.from(
    { length: books.length * 16 * CODE_COLS },
    (_, at) => entryOf(books[at >> 6]!, (at >> 2) & 15, at & 3) / ENTRY_UNIT,
  );

/** How many codes there are. */
const codesOf = ({ books }: Books): number => 16 ** books.length;

/** (codes · 4): what every code stands for in its columns, before the row's scale. */
export const wordsOf = (books: Books): Float32Array =>
  Float32Array.from({ length: CODE_COLS * codesOf(books) }, (_, at) =>
    sumOf(books, Math.floor(at / CODE_COLS), at % CODE_COLS),
  );

/** What a format of additive codes says of its own. */
interface Additive {
  readonly books: Books;
  /** Bytes of 16 rows × 8 columns. */
  readonly columnsBytes: number;
  /** Reads the code of row r, column k. */
  read(bytes: Uint8Array, at: number, r: number, k: number): number;
  /** Writes it onto zero bytes, at the first column of its four. */
  write(bytes: Uint8Array, at: number, r: number, k: number, code: number): void;
}

/** A format of additive codes, with a f32 scale for each row behind its tiles. */
export function additive({ books, columnsBytes, read, write }: Additive): Format {
  const words = wordsOf(books);
  const codes: Codes = {
    least: 0,
    most: codesOf(books) - 1,
    read,
    write(bytes, at, r, k, _cols, code) {
      if (k % CODE_COLS === 0) write(bytes, at, r, k, code);
    },
  };
  const scaleAt = ({ codebook, r }: BlockRow): number => codebook + 4 * r;
  return {
    unit: ROTATED_COLS,
    unitBytes: (ROTATED_COLS / 8) * columnsBytes,
    codebookBytes: 4 * BLOCK_ROWS,
    sharedBytes: 0,
    maxCols: Number.POSITIVE_INFINITY,
    activationBits: 14,
    // 16 bytes of entries for each book and four columns.
    tableBytes: tableBytes(ROTATED_COLS, 4 * books.books.length),
    codes,
    rotate,
    writeRow(at, { row, rows, take }) {
      at.view.setFloat32(scaleAt(at), finite(take("scales", rows)[row]!, "scale", row), true);
    },
    valuesOf(at) {
      const scale = at.view.getFloat32(scaleAt(at), true);
      return (code, k) => Math.fround(scale * words[CODE_COLS * code + (k % CODE_COLS)]!);
    },
    rowShares: (_cols, codebook) => [{ at: codebook, bytes: 4 }],
  };
}
