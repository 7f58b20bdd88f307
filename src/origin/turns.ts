/**
 * Whose pass is next, on an engine whose passes take turns. The tenant that is owed most comes first. Within a tenant
 * generations go round.
 */
import type { Claim, Shares } from "./shares.ts";

/** Whoever waits looks again and again. One that has not looked for so long, in ms, has gone without a word. */
export const GONE_MS = 5000;

export class Turns {
  readonly #shares: Shares;
  /** Those that want the next pass, and when they looked last. Who worked last stands last. */
  readonly #wanted = new Map<Claim, number>();

  constructor(shares: Shares) {
    this.#shares = shares;
  }

  /**
   * Whether a generation has the next pass; it then no longer waits for one.
   *
   * @param isBusy a pass is under way
   * @param now milliseconds of a steady clock
   */
  isTurn(claim: Claim, isBusy: boolean, now: number): boolean {
    this.#wanted.set(claim, now);
    if (isBusy) return false;
    for (const [other, lookedAt] of this.#wanted) {
      if (other === claim || now - lookedAt > GONE_MS) continue;
      const owed = this.#shares.owed(claim, other);
      if (owed < 0 || (owed === 0 && this.#standsBefore(other, claim))) return false;
    }
    this.#wanted.delete(claim);
    return true;
  }

  /** A generation wants no pass any more. */
  forget(claim: Claim): void {
    this.#wanted.delete(claim);
  }

  #standsBefore(one: Claim, other: Claim): boolean {
    for (const each of this.#wanted.keys()) {
      if (each === one) return true;
      if (each === other) return false;
    }
    return false;
  }
}
