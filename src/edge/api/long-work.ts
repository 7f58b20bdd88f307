/**
 * Long work in slices that leave the thread to others: a slice, then a rest. What comes meanwhile waits for one slice
 * and not for all of the work. A key's work waits for that of the same key, whatever others ask for.
 *
 * Kept between requests is only when a key's next slice may begin: a request that ends in the middle of its work leaves
 * nothing behind for which others would wait.
 */
import type { Sliced } from "../../core/model/sliced.ts";

/** Behind a slice of a text, which takes a millisecond or two, ms. */
const SLICE_REST_MS = 4;

export class LongWork {
  readonly #now: () => number;
  readonly #after: (then: () => void, ms: number) => void;
  /** By key: when its next slice may begin, ms. */
  readonly #next = new Map<string, number>();

  /** @param after calls back so many ms later */
  constructor(now: () => number, after: (then: () => void, ms: number) => void) {
    this.#now = now;
    this.#after = after;
  }

  /**
   * Does a slice of a key's work, at once where it has done none just now. Resolves to what it returns, rejects with
   * what it throws.
   * @param restMs no other slice of the key begins for so long afterwards
   */
  async slice<T>(key: string, restMs: number, work: () => T): Promise<T> {
    for (let left = this.#left(key); left > 0; left = this.#left(key)) await this.#rest(left);
    try {
      return work();
    } finally {
      for (const other of this.#next.keys()) if (this.#left(other) <= 0) this.#next.delete(other);
      this.#next.set(key, this.#now() + restMs);
    }
  }

  #left(key: string): number {
    return (this.#next.get(key) ?? 0) - this.#now();
  }

  /** Does all slices of a key's work. Resolves to what it returns, rejects with what it throws. */
  async done<T>(key: string, work: Sliced<T>): Promise<T> {
    for (;;) {
      const { done, value } = await this.slice(key, SLICE_REST_MS, () => work.next());
      if (done) return value;
      // Those that wait for their first are before it then.
      await this.#rest(SLICE_REST_MS + 1);
    }
  }

  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => this.#after(resolve, ms));
  }
}

/** Of this isolate's thread. */
export const longWork = new LongWork(Date.now, (then, ms) => void setTimeout(then, ms));
