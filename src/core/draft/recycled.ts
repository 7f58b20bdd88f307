/**
 * What the target said behind refused draft tokens. A pass computes those rows anyway, and an answer often comes back
 * to what was drafted: behind one word more, one less, or another name.
 *
 *   drafted    for ( let i = 0 ; i < n
 *   decided    for ( const                   `let` was refused
 *   recycled                 i = 0 ; i < a   what the target would say behind `let`, `let i`, `let i =` …
 *
 * Where the timeline ends like a part of a refused draft, the target's token behind that part is a candidate. Token
 * Recycling (Luo et al. 2024, arXiv 2408.08696) keeps the target's candidates behind each single token and needs no
 * draft model. Here the draft model chooses what is computed, and longer parts are trusted more.
 */
import type { Proposed, Refused } from "../speculate/types.ts";
import { ranked, type Sign } from "./ranked.ts";
import { Trust } from "./trust.ts";

/** Refused drafts that are remembered. */
const DRAFTS = 4;
/** Longest part that is told from a longer one, in tokens. */
export const MAX_MATCH = 4;
/**
 * Shares of right tokens by the length of the part, of the newest refused draft and of those before it. Measured on
 * answers of Qwen2.5-Coder-1.5B (docs/record/log.md); the answer at hand corrects them.
 */
const GUESSES = { newest: [0.65, 0.75, 0.9, 0.9], older: [0.3, 0.5, 0.7, 0.75] } as const;
const CLASSES = [...GUESSES.newest, ...GUESSES.older].map((guess) => ({ guess }));

interface Match {
  readonly class: number;
  readonly id: number;
}

export class Recycled {
  /** The newest first. */
  readonly #refused: Refused[] = [];
  readonly #trust = new Trust(CLASSES);

  /** As `Drafter.learn`. */
  learn(timeline: readonly number[], from: number, refused?: Refused): void {
    for (let at = from; at < timeline.length && this.#refused.length > 0; at++) {
      const best = this.#matches(timeline.slice(Math.max(0, at - MAX_MATCH), at))[0];
      if (best) this.#trust.learn(best.class, best.id === timeline[at]);
    }
    if (!refused) return;
    this.#refused.unshift(refused);
    this.#refused.length = Math.min(this.#refused.length, DRAFTS);
  }

  /**
   * What may follow a timeline that ends with these tokens; undefined where no refused draft holds its last one.
   *
   * @param others most alternatives
   */
  after(end: readonly number[], others: number): Proposed | undefined {
    const signs = this.#matches(end.slice(-MAX_MATCH)).map(
      (match): Sign => ({ id: match.id, chance: this.#trust.of(match.class), source: "recycled" }),
    );
    return ranked(signs, others);
  }

  /** The longest first, among equals that of the newest draft. */
  #matches(end: readonly number[]): Match[] {
    const found: (Match & { readonly length: number })[] = [];
    for (const [age, { tokens, next }] of this.#refused.entries()) {
      for (const [at, id] of next.entries()) {
        const length = agreeing(tokens, at, end);
        if (id === null || length === 0) continue;
        found.push({ class: (age === 0 ? 0 : MAX_MATCH) + length - 1, id, length });
      }
    }
    return found.sort((a, b) => b.length - a.length);
  }
}

/** Number of equal tokens going back from `at` and from the end of `end`. */
function agreeing(tokens: readonly number[], at: number, end: readonly number[]): number {
  let length = 0;
  while (length < end.length && length <= at && tokens[at - length] === end[end.length - 1 - length]) length++;
  return length;
}
