/**
 * Who may draft at the same time. The pool of KV pages takes pages from whoever used theirs least recently, which is
 * right for conversations that rest, and ruinous between turns under way: each would recompute what the other has just
 * taken. So a turn whose timeline does not fit beside those of the others does without a draft; the target goes on
 * alone.
 */
import { PAGE_TOKENS } from "../../core/kernels/abi.ts";
import { OutriderError } from "../../core/model/errors.ts";

/** A turn that has not asked for this long has ended without a word (its object was reset), or is not drafting. */
const STALE_MS = 10_000;

export class Admission {
  /** Pages that turns under way need, by whatever stands for the turn. */
  readonly #needs = new Map<object, { pages: number; at: number }>();

  /** Called before each use. Throws `kv_full` when `tokens` do not fit into `pages` pages beside what others need. */
  claim(turn: object, tokens: number, pages: number, now: number): void {
    const needed = Math.ceil(tokens / PAGE_TOKENS);
    let others = 0;
    for (const [other, need] of this.#needs) {
      if (now - need.at > STALE_MS) this.#needs.delete(other);
      else if (other !== turn) others += need.pages;
    }
    if (needed + others > pages) {
      this.#needs.delete(turn);
      throw new OutriderError(
        "kv_full",
        `a timeline of ${tokens} tokens needs ${needed} KV pages; of the pool's ${pages}, ` +
          `other turns are using ${others}`,
        { status: 503, retryable: true },
      );
    }
    this.#needs.set(turn, { pages: needed, at: now });
  }

  leave(turn: object): void {
    this.#needs.delete(turn);
  }
}
