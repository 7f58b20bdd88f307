/**
 * What passes, drafts and the way between cost, learned from the origin's own times. A draft token that was made without a pause since a
 * verdict came so long after it as the way and all tokens made since take, whatever the origin decided meanwhile.
 *
 *   verdict at 20 ─ d1 ─ d2 ─ d3 ─ d4 …          the drafter, on its way since
 *          20 ─ 21 ─ 22                          the origin decided two by itself
 *                     draft {22: d3 d4}          4 tokens, in the time of two passes and what `turn` says
 */
import type { History } from "./history.ts";
import type { Verdict } from "./types.ts";

export class Pace {
  readonly #history: History;
  /** Lengths of the timeline between which the drafter has worked without a pause; at the first nothing was ahead. */
  #stretch = { from: 0, to: -1 };
  /** The origin's time, waits and passes, at which it sent the verdict that ended there. */
  readonly #sentAt = new Map<number, number>();
  #originMs = 0;

  constructor(history: History) {
    this.#history = history;
  }

  /** The drafter begins, with nothing ahead. */
  begin(position: number): void {
    this.#stretch = { from: position, to: Number.POSITIVE_INFINITY };
  }

  /** It has nothing to do before the timeline is longer. */
  pause(position: number): void {
    this.#stretch.to = Math.min(this.#stretch.to, position);
  }

  learn({ position, tokens, passes, scored, stepMs, waitMs, turn }: Verdict): void {
    this.#originMs += waitMs + stepMs;
    this.#sentAt.set(position + tokens.length, this.#originMs);
    if (passes <= 1) return; // the prompt's pass tells nothing about the next ones
    // A clock that stands still during a pass (a deployed Worker) tells nothing.
    if (stepMs > 0) this.#history.stepped(scored, stepMs);
    const { from, to } = this.#stretch;
    const madeAt = turn && this.#sentAt.get(turn.position);
    const since = this.#sentAt.get(from);
    if (!turn || madeAt === undefined || since === undefined || turn.position < from || turn.position > to) return;
    this.#history.turned(turn.position - from + turn.tokens, madeAt - since + turn.ms);
  }
}
