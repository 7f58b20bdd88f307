/**
 * The search for codes in a chain (model/formats/chained-books.ts). What a code adds to the next four columns depends
 * on itself alone, so of all paths that end in a code the best is enough (Viterbi 1967); a few of them are followed.
 */
import { type Books, CODE_COLS, ownEntriesOf, reachOf, wordsOf } from "../../../core/model/formats/books.ts";
import { TOLERANCE } from "./shared-levels.ts";
import type { CodeSearch } from "./sums.ts";

/** Paths that are followed, by the number of books. Of three, twice as many lose a tenth less, in twice the time. */
const PATHS: Readonly<Record<number, number>> = { 2: 32, 3: 16 };

export class Chain implements CodeSearch {
  readonly normal: number;
  readonly #books: number;
  readonly #most: number;
  readonly #words: Float32Array;
  readonly #reach: number;
  /** The square of what each code adds to its own columns. */
  readonly #squares: Float64Array;
  /** (books · 16, 4): what all entries add to their own columns. */
  readonly #entries: Float64Array;
  readonly #products: Float64Array;
  /** For each code, what the best path that ends in it costs, and which path of those before it goes on. */
  readonly #costs: Float64Array;
  readonly #origins: Uint8Array;

  constructor(all: Books) {
    this.#books = all.books.length;
    this.#most = PATHS[this.#books]!;
    this.#words = wordsOf(all);
    this.#reach = reachOf(all);
    this.#squares = Float64Array.from({ length: this.#words.length / this.#reach }, (_, code) => {
      const own = this.#words.subarray(this.#reach * code, this.#reach * code + CODE_COLS);
      return own.reduce((sum, value) => sum + value * value, 0);
    });
    this.#entries = ownEntriesOf(all);
    this.#products = new Float64Array(this.#books * 16);
    this.#costs = new Float64Array(this.#squares.length);
    this.#origins = new Uint8Array(this.#squares.length);
    this.normal = all.scale;
  }

  round(line: Float32Array, scale: number, codes: Uint16Array): number {
    const most = this.#most;
    const steps = line.length / CODE_COLS;
    const came = new Uint8Array(steps * most);
    const taken = new Uint16Array(steps * most);
    let paths: Paths = { costs: [0], last: [] };
    for (let step = 0; step < steps; step++) {
      this.#costs.fill(Number.POSITIVE_INFINITY);
      for (const [path, cost] of paths.costs.entries()) this.#follow(line, scale, step, path, cost, paths.last[path]);
      paths = this.#best(came.subarray(step * most), taken.subarray(step * most));
    }
    let path = 0;
    for (let step = steps - 1; step >= 0; step--) {
      codes.fill(taken[step * most + path]!, CODE_COLS * step, CODE_COLS * (step + 1));
      path = came[step * most + path]!;
    }
    return this.#scaleFor(line, codes);
  }

  /** What each code costs behind a path. */
  #follow(line: Float32Array, scale: number, step: number, path: number, cost: number, last: number | undefined): void {
    const [entries, products, squares, costs] = [this.#entries, this.#products, this.#squares, this.#costs];
    products.fill(0);
    let size = 0;
    for (let i = 0; i < CODE_COLS; i++) {
      const there = last === undefined ? 0 : this.#words[this.#reach * last + CODE_COLS + i]!;
      const wanted = line[CODE_COLS * step + i]! / scale - there;
      size += wanted * wanted;
      for (let n = 0; n < products.length; n++) products[n]! += 2 * wanted * entries[CODE_COLS * n + i]!;
    }
    const base = cost + size;
    const origins = this.#origins;
    for (let first = 0; first < squares.length; first += 16) {
      // The first book's entries change while those of the others stay.
      let others = base;
      for (let book = 1; book < this.#books; book++) others -= products[16 * book + ((first >> (4 * book)) & 15)]!;
      for (let n = 0; n < 16; n++) {
        const total = others - products[n]! + squares[first + n]!;
        if (total < costs[first + n]!) {
          costs[first + n] = total;
          origins[first + n] = path;
        }
      }
    }
  }

  /** The best paths that end in different codes, the best of all first; one alone where it loses nothing. */
  #best(came: Uint8Array, taken: Uint16Array): Paths {
    const most = this.#most;
    const costs: number[] = [];
    const last: number[] = [];
    const all = this.#costs;
    for (let code = 0; code < all.length; code++) {
      const cost = all[code]!;
      if (costs.length === most && cost >= costs[most - 1]!) continue;
      let at = Math.min(costs.length, most - 1);
      for (; at > 0 && costs[at - 1]! > cost; at--) {
        costs[at] = costs[at - 1]!;
        last[at] = last[at - 1]!;
      }
      costs[at] = cost;
      last[at] = code;
    }
    const kept = costs[0]! <= TOLERANCE ** 2 ? 1 : costs.length;
    for (let path = 0; path < kept; path++) {
      taken[path] = last[path]!;
      came[path] = this.#origins[last[path]!]!;
    }
    return { costs: costs.slice(0, kept), last: last.slice(0, kept) };
  }

  #scaleFor(line: Float32Array, codes: Uint16Array): number {
    let products = 0;
    let squares = 0;
    for (let k = 0; k < line.length; k++) {
      let value = this.#words[this.#reach * codes[k]! + (k % CODE_COLS)]!;
      if (k >= CODE_COLS) value += this.#words[this.#reach * codes[k - CODE_COLS]! + CODE_COLS + (k % CODE_COLS)]!;
      products += line[k]! * value;
      squares += value * value;
    }
    return products / squares;
  }
}

/** Paths in hand. */
interface Paths {
  readonly costs: readonly number[];
  /** The code that each ends in; none before the first. */
  readonly last: readonly number[];
}
