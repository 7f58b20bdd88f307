/**
 * KV state of timelines: a pool of equal pages in WASM memory, and caches that borrow pages from it. When the pool is
 * empty, the least recently used cache gives up all its pages. Its owner then finds `tokens` empty, and restores or
 * recomputes the pages. The page layout is drawn in `kernels/abi.ts`.
 *
 * A cache may be bounded: it holds the first page and the newest ones (Xiao et al. 2023, StreamingLLM, arXiv
 * 2309.17453, §3.2). Keys keep the positions at which they were read, so attention runs over the held pages as if they
 * were neighbours. Pages that are out are not read again.
 */
import { PAGE_TOKENS } from "../kernels/abi.ts";
import { commonPrefix } from "../model/common-prefix.ts";
import { OutriderError } from "../model/errors.ts";
import type { AtRest } from "./at-rest.ts";

/** The pages of one model, shared by every session in the isolate. */
export class PagePool {
  readonly pages: number;
  readonly atRest: AtRest;
  readonly #free: number[];
  /** In order of use, the least recent first. */
  readonly #users = new Set<KvCache>();

  constructor(addresses: readonly number[], atRest: AtRest) {
    this.#free = [...addresses].reverse();
    this.pages = addresses.length;
    this.atRest = atRest;
  }

  /** Pages that no cache holds. */
  get free(): number {
    return this.#free.length;
  }

  /** A page for `user`, taken from the least recently used other cache if none is free. Throws `kv_full`. */
  take(user: KvCache): number {
    this.touch(user);
    for (const other of this.#users) {
      if (this.#free.length > 0) break;
      if (other !== user) other.release();
    }
    const address = this.#free.pop();
    if (address === undefined) {
      throw new OutriderError(
        "kv_full",
        `the timeline needs more than this model's pool of ${this.pages} KV pages (${this.pages * PAGE_TOKENS} tokens)`,
        { status: 503 },
      );
    }
    return address;
  }

  touch(user: KvCache): void {
    this.#users.delete(user);
    this.#users.add(user);
  }

  give(addresses: readonly number[]): void {
    this.#free.push(...addresses);
  }

  forget(user: KvCache): void {
    this.#users.delete(user);
  }
}

/** Keys and values of one timeline. */
export class KvCache {
  /** Pages that this cache holds at most. */
  readonly most: number;
  readonly #pool: PagePool;
  /** Leading tokens of the held pages that have an index (infinigen/infinigen.ts). */
  indexed = 0;
  #tokens: number[] = [];
  /** By page of the timeline; undefined where the page is out. */
  #pages: (number | undefined)[] = [];
  #held: number[] = [];

  /** @param most pages that are held at most, at least 3 */
  constructor(pool: PagePool, most = Number.POSITIVE_INFINITY) {
    this.#pool = pool;
    this.most = most;
  }

  /** The tokens that have been read, in order. */
  get tokens(): readonly number[] {
    return this.#tokens;
  }

  /** Addresses of the pages that are held, in order. */
  get pages(): readonly number[] {
    return this.#held;
  }

  /** Pages of the timeline that are out, those after the first. */
  get out(): number {
    return this.#pages.length - this.#held.length;
  }

  /** How many tokens the held pages have: where the next token's keys and values go. */
  get slots(): number {
    return this.#tokens.length - PAGE_TOKENS * this.out;
  }

  /**
   * Makes room for `count` more tokens, at most 32 in a bounded cache, which lets go of its oldest page but the first
   * for it. Throws `kv_full`; the tokens held before stay.
   */
  reserve(count: number): void {
    const needed = Math.ceil((this.#tokens.length + count) / PAGE_TOKENS);
    while (this.#pages.length < needed) {
      if (this.#held.length >= this.most) {
        const oldest = this.#pages.findIndex((address, page) => page > 0 && address !== undefined);
        this.#pool.give([this.#pages[oldest] as number]);
        this.#pages[oldest] = undefined;
        if (this.indexed > PAGE_TOKENS) this.indexed -= PAGE_TOKENS;
        this.#settle();
      }
      this.#pages.push(this.#pool.take(this));
      this.#settle();
    }
    this.#pool.touch(this);
  }

  /** Records that the reserved room now holds the keys and values of `tokens`. */
  extend(tokens: readonly number[]): void {
    for (const token of tokens) this.#tokens.push(token);
  }

  /** Goes on behind `tokens` without reading them: their pages are out. They begin and end with a page. */
  skip(tokens: readonly number[]): void {
    if (this.#tokens.length % PAGE_TOKENS !== 0 || tokens.length % PAGE_TOKENS !== 0) {
      throw new RangeError(`${tokens.length} tokens after ${this.#tokens.length} are not whole pages`);
    }
    this.extend(tokens);
    this.#pages.length = this.#tokens.length / PAGE_TOKENS;
  }

  /** Forgets everything from position `length` on; all of it where the page before that is out. */
  cut(length: number): void {
    if (length >= this.#tokens.length) return;
    this.#tokens.length = length;
    const removed = this.#pages.splice(Math.ceil(length / PAGE_TOKENS));
    this.#pool.give(removed.filter((address) => address !== undefined));
    this.#settle();
    this.indexed = Math.min(this.indexed, this.slots);
    if (length > 0 && this.#pages.at(-1) === undefined) this.release();
  }

  /** Gives all pages back to the pool. */
  release(): void {
    this.#tokens = [];
    this.indexed = 0;
    this.#pages = [];
    this.#pool.give(this.#held.splice(0));
    this.#pool.forget(this);
  }

  #settle(): void {
    this.#held = this.#pages.filter((address) => address !== undefined);
  }

  /** How many leading tokens of `timeline` are held. */
  commonPrefix(timeline: readonly number[]): number {
    return commonPrefix(this.#tokens, timeline);
  }

  /** Whether page `index` (positions 32·index …) is in memory. */
  holds(index: number): boolean {
    return this.#pages[index] !== undefined;
  }

  /** Page `index` as it is stored, a view that the next call overwrites. */
  page(index: number): Uint8Array {
    const address = this.#pages[index];
    if (address === undefined) throw new RangeError(`page ${index} of ${this.#pages.length} is not held`);
    return this.#pool.atRest.pack(address, Math.min(PAGE_TOKENS, this.#tokens.length - index * PAGE_TOKENS));
  }

  /**
   * Appends a stored page that holds `tokens`, at most 32. Only the last page of a timeline may hold fewer.
   * Throws `bad_page` when the size is not this model's, `kv_full` when the pool cannot hold it.
   */
  importPage(tokens: readonly number[], bytes: Uint8Array): void {
    const { atRest } = this.#pool;
    if (bytes.length !== atRest.bytes) {
      throw new OutriderError("bad_page", `a page of this model is ${atRest.bytes} bytes, got ${bytes.length}`);
    }
    if (this.#tokens.length % PAGE_TOKENS !== 0 || tokens.length > PAGE_TOKENS) {
      throw new OutriderError(
        "bad_page",
        `${tokens.length} tokens cannot follow a partial page of ${this.#tokens.length}`,
      );
    }
    this.reserve(tokens.length);
    atRest.unpack(bytes, tokens.length, this.#pages.at(-1) as number);
    this.extend(tokens);
  }
}
