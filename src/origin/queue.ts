/**
 * Who waits for a sequence. It looks again and again rather than being woken: in a Worker, a promise of one request
 * must not be resolved by another.
 */
import { overloaded } from "./errors.ts";
import type { Generation } from "./generation.ts";
import type { Lease } from "./lease.ts";
import type { Sequences } from "./sequences.ts";
import type { Claim } from "./shares.ts";

const LOOK_MS = 20;
/** Beyond its patience, how long a generation may go without a pass before it is taken for dead. */
const DEAD_MS = 120_000;

export class Queue {
  readonly #sequences: Sequences;
  readonly #limits: { readonly queueMs: number; now(): number };
  #waiting = 0;

  constructor(sequences: Sequences, limits: { readonly queueMs: number; now(): number }) {
    this.#sequences = sequences;
    this.#limits = limits;
  }

  /** Generations that wait. */
  get length(): number {
    return this.#waiting;
  }

  /**
   * A lease for the generation's prompt and its first token; it grows later. Who waits comes in order, its tenant's
   * share considered. Null when it was left meanwhile. Rejects with
   * `overloaded` (429) after `queueMs`, and with `session_taken` (409) when a newer generation has the session.
   */
  async lease(generation: Generation, claim: Claim): Promise<Lease | null> {
    const { queueMs, now } = this.#limits;
    const { session, patience } = generation.open;
    const wish = { session, claim, tokens: generation.promptTokens + 1, idleMs: patience + DEAD_MS };
    const until = now() + queueMs;
    this.#waiting++;
    try {
      while (!generation.left) {
        const lease = await this.#sequences.lease(wish);
        if (lease) return lease;
        if (now() >= until) throw overloaded("generations");
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
      return null;
    } finally {
      this.#sequences.forget(claim);
      this.#waiting--;
    }
  }
}
