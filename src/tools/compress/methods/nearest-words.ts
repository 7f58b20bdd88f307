/** The search for additive codes, each of which stands for four columns by itself. */
import { type Books, CODE_COLS, entriesOf, wordsOf } from "../../../core/model/formats/books.ts";
import { TOLERANCE } from "./held-scales.ts";
import type { CodeSearch } from "./sums.ts";

/** Finds the words that are nearest to four columns. */
export class Nearest implements CodeSearch {
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
    this.#entries = entriesOf(all);
    this.#products = new Float64Array(books.length * 16);
    this.normal = scale;
  }

  round(line: Float32Array, scale: number, codes: Uint16Array): number {
    let products = 0;
    let squares = 0;
    for (let k = 0; k < line.length; k += CODE_COLS) {
      const code = this.#code(line, k, scale);
      codes.fill(code, k, k + CODE_COLS);
      for (let i = 0; i < CODE_COLS; i++) {
        const word = this.#words[CODE_COLS * code + i]!;
        products += line[k + i]! * word;
        squares += word * word;
      }
    }
    return products / squares;
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
