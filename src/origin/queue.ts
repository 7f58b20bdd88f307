/**
 * Who waits for a sequence. It looks again and again rather than being woken: in a Worker, a promise of one request
 * must not be resolved by another.
 */
import { overloaded } from "./errors.ts";
import type { Generation } from "./generation.ts";
import type { Lease, Sequences } from "./sequences.ts";

const LOOK_MS = 20;
/** Beyond its patience, how long a generation may go without a pass before it is taken for dead. */
const DEAD_MS = 120_000;

export class Queue {
  readonly #sequences: Sequences;
  readonly #context: number;
  readonly #limits: { readonly queueMs: number; now(): number };
  #waiting = 0;

  /** @param context longest timeline in tokens */
  constructor(sequences: Sequences, context: number, limits: { readonly queueMs: number; now(): number }) {
    this.#sequences = sequences;
    this.#context = context;
    this.#limits = limits;
  }

  /** Generations that wait. */
  get length(): number {
    return this.#waiting;
  }

  /**
   * A lease for as many tokens as the generation may come to. Null when it was left meanwhile. Rejects with
   * `overloaded` (429) after `queueMs`, and with `session_taken` (409) when a newer generation has the session.
   */
  async lease(generation: Generation): Promise<Lease | null> {
    const { queueMs, now } = this.#limits;
    const { session, patience, maxTokens } = generation.open;
    const tokens = Math.min(this.#context, generation.promptTokens + maxTokens);
    const ticket = this.#sequences.ticket();
    const until = now() + queueMs;
    this.#waiting++;
    try {
      while (!generation.left) {
        const lease = await this.#sequences.lease(session, ticket, tokens, patience + DEAD_MS);
        if (lease) return lease;
        if (now() >= until) throw overloaded("generations");
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
      return null;
    } finally {
      this.#waiting--;
    }
  }
}
