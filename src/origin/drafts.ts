/**
 * The drafts that have arrived for one generation, and which of them fits. A draft fits if it begins at or before the
 * end of the timeline and agrees with the tokens decided since. Its tokens beyond these are used. Other drafts are
 * dropped.
 *
 *   timeline   … a b c            draft at a:  a b c d e     →  d e
 *                                 draft at b:  b x           →  dropped
 *                                 draft after c's successor  →  kept until the timeline is there
 *
 * An empty draft declines: no draft will come for positions up to its own.
 */
import type { Draft, DraftTokens } from "../core/speculate/types.ts";

/** Drafts held at once; the oldest goes first. */
const MAX_HELD = 8;

/** That a draft has arrived. */
interface Arrival {
  readonly position: number;
  /** Length of the draft. */
  readonly tokens: number;
  /** When, in ms of the clock. */
  readonly at: number;
}

/** What of a draft follows the timeline. */
export type Fitting = DraftTokens & Pick<Draft, "most">;

export class Drafts {
  readonly #now: () => number;
  #newest: Arrival | null = null;
  #held: Draft[] = [];
  #patience: number | undefined;
  #declined = -1;
  #wake: () => void = () => {};

  /** @param now milliseconds of a steady clock */
  constructor(now: () => number) {
    this.#now = now;
  }

  put(draft: Draft): void {
    this.#patience = draft.patience ?? this.#patience;
    this.#newest = { position: draft.position, tokens: draft.tokens.length, at: this.#now() };
    if (draft.tokens.length === 0) this.#declined = Math.max(this.#declined, draft.position);
    else this.#held = [...this.#held.slice(1 - MAX_HELD), draft];
    this.#wake();
  }

  /** The tokens after `timeline` of the draft that fits best: the longest, of equals the newest. Null if none fits. */
  take(timeline: readonly number[]): Fitting | null {
    let best: Fitting | null = null;
    this.#held = this.#held.filter(({ position, tokens, siblings = [], most }) => {
      const decided = timeline.length - position;
      if (decided < 0) return true;
      if (decided >= tokens.length) return false;
      for (let i = 0; i < decided; i++) if (tokens[i] !== timeline[position + i]) return false;
      if (!best || tokens.length - decided >= best.tokens.length) {
        const left = siblings.filter(({ at }) => at >= decided).map(({ at, id }) => ({ at: at - decided, id }));
        best = { tokens: tokens.slice(decided), siblings: left, most };
      }
      return true;
    });
    return best;
  }

  /** The patience, in ms, of the newest draft that had one. */
  get patience(): number | undefined {
    return this.#patience;
  }

  /** The newest draft since the last call, if any. */
  newest(): Arrival | null {
    const newest = this.#newest;
    this.#newest = null;
    return newest;
  }

  /** Whether the drafter has declined `position`. */
  declines(position: number): boolean {
    return position <= this.#declined;
  }

  /** Resolves when something arrives, or after `ms`. */
  async arrival(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
  }

  /** Ends a wait: the generation is over or about to be. */
  wake(): void {
    this.#wake();
  }
}
