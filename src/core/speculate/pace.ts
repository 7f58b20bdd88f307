/**
 * Learns costs from the times that an origin reports. A draft token made without a pause since a verdict arrives after
 * the round trip and the time for all tokens made since, whatever the origin decided meanwhile:
 *
 *   verdict at 20 ─ d1 ─ d2 ─ d3 ─ d4 …          the drafter, at work since
 *          20 ─ 21 ─ 22                          the origin decided two tokens by itself
 *                     draft {22: d3 d4}          4 tokens, in the time of two passes and `arrival.ms`
 *
 * A copy takes no step, and the model reads it later. So what has copies beside a model's tokens is left out: a run of
 * them would pass for a fast model that is far away.
 */
import type { History } from "./history.ts";
import type { Verdict } from "./types.ts";

export class Pace {
  readonly #history: History;
  /**
   * Lengths of the timeline between which the drafter worked without a pause; at the first no token was drafted yet.
   */
  #stretch = { from: 0, to: -1 };
  /**
   * By length of the timeline: the origin's clock (all its waits and passes) when it sent the verdict that ended there.
   */
  readonly #sentAt = new Map<number, number>();
  #originMs = 0;

  constructor(history: History) {
    this.#history = history;
  }

  /** The drafter begins at this position, with no draft token ahead of the timeline. */
  begin(position: number): void {
    this.#stretch = { from: position, to: Number.POSITIVE_INFINITY };
  }

  /** The drafter has nothing to do before the timeline is longer than this. */
  pause(position: number): void {
    this.#stretch.to = Math.min(this.#stretch.to, position);
  }

  /** What is drafted from `begin` on takes another time than its steps: it tells nothing. */
  forget(): void {
    this.#stretch = { from: 0, to: -1 };
  }

  /** @param hindered the drafter worked during the verdict's pass */
  learn({ position, tokens, passes, scored, stepMs, waitMs, arrival }: Verdict, hindered = false): void {
    this.#originMs += waitMs + stepMs;
    this.#sentAt.set(position + tokens.length, this.#originMs);
    // The prompt's pass says nothing about later ones.
    if (passes <= 1) return;
    // Zero comes from a clock that stands still during a pass, as in a deployed Worker.
    if (stepMs > 0) this.#history.stepped(scored, stepMs, hindered);
    if (!arrival || arrival.position < this.#stretch.from || arrival.position > this.#stretch.to) return;
    const madeAt = this.#sentAt.get(arrival.position);
    const since = this.#sentAt.get(this.#stretch.from);
    if (madeAt === undefined || since === undefined) return;
    this.#history.arrived(arrival.position - this.#stretch.from + arrival.tokens, madeAt - since + arrival.ms);
  }
}
