/**
 * KV state of timelines: a pool of equal pages in WASM memory, and caches that borrow pages from it. When the pool is
 * empty, the least recently used cache gives up all its pages. Its owner then finds `tokens` empty, and restores or
 * recomputes the pages. The page layout is drawn in `kernels/abi.ts`.
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
  readonly #pool: PagePool;
  /** Leading tokens whose pages have an index (keeping/keeper.ts); never more than are held. */
  indexed = 0;
  #tokens: number[] = [];
  #pages: number[] = [];

  constructor(pool: PagePool) {
    this.#pool = pool;
  }

  /** The tokens whose keys and values are held, in order. */
  get tokens(): readonly number[] {
    return this.#tokens;
  }

  /** Addresses of the pages that hold them. */
  get pages(): readonly number[] {
    return this.#pages;
  }

  /** Makes room for `count` more tokens. Throws `kv_full`; the tokens held before stay. */
  reserve(count: number): void {
    const needed = Math.ceil((this.#tokens.length + count) / PAGE_TOKENS);
    while (this.#pages.length < needed) this.#pages.push(this.#pool.take(this));
    this.#pool.touch(this);
  }

  /** Records that the reserved room now holds the keys and values of `tokens`. */
  extend(tokens: readonly number[]): void {
    for (const token of tokens) this.#tokens.push(token);
  }

  /** Forgets everything from position `length` on. */
  cut(length: number): void {
    if (length >= this.#tokens.length) return;
    this.#tokens.length = length;
    this.indexed = Math.min(this.indexed, length);
    this.#pool.give(this.#pages.splice(Math.ceil(length / PAGE_TOKENS)));
  }

  /** Gives all pages back to the pool. */
  release(): void {
    this.#tokens = [];
    this.indexed = 0;
    this.#pool.give(this.#pages.splice(0));
    this.#pool.forget(this);
  }

  /** How many leading tokens of `timeline` are held. */
  commonPrefix(timeline: readonly number[]): number {
    return commonPrefix(this.#tokens, timeline);
  }

  /** Page `index` (positions 32·index …) as it is stored, a view that the next call overwrites. */
  page(index: number): Uint8Array {
    const address = this.#pages[index];
    if (address === undefined) throw new RangeError(`page ${index} of ${this.#pages.length}`);
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
