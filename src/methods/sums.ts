/** Rounds a matrix to additive codes (model/formats/books.ts), in the basis of rotation.ts. */
import { type Books, CODE_COLS, ENTRY_UNIT, entryOf, wordsOf } from "../model/formats/books.ts";
import type { Parts } from "../model/formats/parts.ts";
import { ROTATED_COLS, rotate } from "../model/formats/rotation.ts";
import { rootMeanSquares } from "./root-mean-squares.ts";
import { TOLERANCE } from "./shared-levels.ts";

/** Turns of choosing codes and fitting a row's scale to them, and how little a scale changes in the last of them. */
const TURNS = 8;
const SETTLED = 1e-3;
/** A row's first scale, in parts of its root mean square. Rows that were taught use the entries in other shares. */
const STARTS = [1, 0.9, 1.1, 0.8, 1.25];

/** Each row has the scale that its rotated weights hold already, where they do; else one of a small squared error. */
export function roundToSums(values: Float32Array, rows: number, cols: number, books: Books): Parts {
  const rotated = values.slice();
  rotate(rotated);
  const nearest = new Nearest(books);
  const codes = new Uint16Array(values.length);
  const scales = rootMeanSquares(rotated, rows, cols).map((size, row) => {
    const own = codes.subarray(row * cols, (row + 1) * cols);
    return roundRow(rotated.subarray(row * cols, (row + 1) * cols), size * nearest.normal, own, nearest);
  });
  return { codes, scales };
}

/** Writes the codes of a row, at all columns of each four. Returns its scale. */
function roundRow(line: Float32Array, first: number, codes: Uint16Array, nearest: Nearest): number {
  // Its codes are 0, as those of a row that stands for nothing may be.
  if (first === 0) return 0;
  const scale = heldScale(line, first, codes, nearest) ?? settled(line, first, codes, nearest);
  return nearest.round(line, scale, codes).scale;
}

/** The scale of a row that is in the format already; nothing for any other. */
function heldScale(line: Float32Array, first: number, codes: Uint16Array, nearest: Nearest): number | undefined {
  // A few columns show it, and every scale costs a search.
  const few = line.subarray(0, ROTATED_COLS);
  const most = TOLERANCE ** 2 * few.reduce((sum, value) => sum + value * value, 0);
  for (const start of STARTS) {
    const scale = settled(few, start * first, codes, nearest);
    if (scale > 0 && nearest.round(few, scale, codes).lost <= most) return scale;
  }
}

/** By turns for codes and scale, from a first scale. */
function settled(line: Float32Array, first: number, codes: Uint16Array, nearest: Nearest): number {
  let scale = first;
  for (let turn = 0; turn < TURNS; turn++) {
    const fitted = nearest.round(line, scale, codes).scale;
    if (Math.abs(fitted - scale) <= SETTLED * scale) return fitted;
    scale = fitted;
  }
  return scale;
}

/** Finds the words that are nearest to four columns. */
class Nearest {
  /** A scale over a row's root mean square, for normal numbers. */
  readonly normal: number;
  readonly #words: Float32Array;
  /** Half of each word's square. */
  readonly #halves: Float64Array;
  /** (books · 16, 4): all entries of each book. */
  readonly #entries: Float64Array;
  /** (books · 16): the products of the entries with the columns in hand. */
  readonly #products: Float64Array;

  constructor(all: Books) {
    const { books, scale } = all;
    this.#words = wordsOf(all);
    this.#halves = Float64Array.from({ length: this.#words.length / CODE_COLS }, (_, code) => {
      const word = this.#words.subarray(CODE_COLS * code, CODE_COLS * (code + 1));
      return word.reduce((sum, value) => sum + value * value, 0) / 2;
    });
    this.#entries = Float64Array.from(
      { length: books.length * 16 * CODE_COLS },
      (_, at) => entryOf(books[at >> 6]!, (at >> 2) & 15, at & 3) / ENTRY_UNIT,
    );
    this.#products = new Float64Array(books.length * 16);
    this.normal = scale;
  }

  /** Writes the nearest codes, each at its four columns. Returns what they lose, and the scale that suits them best. */
  round(line: Float32Array, scale: number, codes: Uint16Array): { readonly lost: number; readonly scale: number } {
    let products = 0;
    let squares = 0;
    let all = 0;
    for (let k = 0; k < line.length; k += CODE_COLS) {
      const code = this.#code(line, k, scale);
      codes.fill(code, k, k + CODE_COLS);
      for (let i = 0; i < CODE_COLS; i++) {
        const word = this.#words[CODE_COLS * code + i]!;
        products += line[k + i]! * word;
        squares += word * word;
        all += line[k + i]! ** 2;
      }
    }
    return { lost: all - 2 * scale * products + scale * scale * squares, scale: products / squares };
  }

  /** Of the word nearest to four columns over the scale: that of the largest product, less half of its square. */
  #code(line: Float32Array, k: number, scale: number): number {
    const [entries, products, halves] = [this.#entries, this.#products, this.#halves];
    for (let n = 0; n < products.length; n++) {
      let product = 0;
      for (let i = 0; i < CODE_COLS; i++) product += line[k + i]! * entries[CODE_COLS * n + i]!;
      products[n] = product / scale;
    }
    let size = 0;
    for (let i = 0; i < CODE_COLS; i++) size += (line[k + i]! / scale) ** 2;
    // What a word gains that is the four columns themselves; no search goes on behind one.
    const whole = size / 2 - TOLERANCE ** 2;
    let best = 0;
    let most = Number.NEGATIVE_INFINITY;
    for (let code = 0; code < halves.length; code += 16) {
      // The first book's entries change while those of the others stay.
      let others = 0;
      for (let book = 1; 16 * book < products.length; book++)
        others += products[16 * book + ((code >> (4 * book)) & 15)]!;
      for (let n = 0; n < 16; n++) {
        const gain = products[n]! + others - halves[code + n]!;
        if (gain > most) {
          most = gain;
          best = code + n;
          if (gain >= whole) return best;
        }
      }
    }
    return best;
  }
}
