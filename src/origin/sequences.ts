/**
 * The sequences of an engine by session. They are kept between turns, so that a next turn need not prefill again. Each
 * is leased to one generation at a time. Their number and their cost are bounded. Plain data only: in a Worker this
 * outlives the request that made it, and one request must not touch a socket, a timer or a promise of another.
 */
import { OutriderError } from "../model/errors.ts";
import type { EngineSequence, TargetEngine } from "./engine.ts";

export interface Limits {
  /** Generations at work at once. */
  readonly live: number;
  /** Sessions whose sequences are kept, those at work included; at least `live`. */
  readonly kept: number;
  /** A session that did nothing for so long, in ms, is forgotten. */
  readonly idleMs: number;
}

interface Entry {
  readonly sequence: EngineSequence;
  /** The lease at work, if any. */
  lease: Lease | null;
  /** The pass in flight on the sequence. Resolves however the pass ends; whoever started it gets its error. */
  pass: Promise<void> | null;
  /** Of the newest generation that leased it. */
  ticket: number;
  /** When it was last leased or worked on. */
  usedAt: number;
}

export class Sequences {
  readonly #engine: TargetEngine;
  readonly #limits: Limits;
  readonly #now: () => number;
  /** In order of use, the least recent first. */
  readonly #entries = new Map<string, Entry>();
  #tickets = 0;

  constructor(engine: TargetEngine, limits: Limits, now: () => number) {
    this.#engine = engine;
    this.#limits = limits;
    this.#now = now;
  }

  get counts(): { live: number; kept: number } {
    return { live: this.#live().length, kept: this.#entries.size };
  }

  /** Orders generations by age: a newer one takes a session from an older one, never the other way round. */
  ticket(): number {
    return ++this.#tickets;
  }

  /**
   * Leases a session's sequence, and takes it from an older generation if need be. Null while `live` or the engine's
   * capacity is reached. Rejects with `session_taken` if a newer generation has the session.
   *
   * @param tokens the longest that the timeline may become
   * @param idleMs a lease that does nothing for so long is taken for dead
   */
  async lease(session: string, ticket: number, tokens: number, idleMs: number): Promise<Lease | null> {
    this.expire();
    const known = this.#entries.get(session);
    if (known) {
      if (known.ticket > ticket) throw taken();
      known.lease?.end();
      await known.pass;
      if (known.ticket > ticket) throw taken();
      if (this.#entries.get(session) !== known) return null;
    }
    if (!this.#fits(tokens)) return null;
    if (!known) this.#evict(this.#limits.kept - 1);
    const entry = known ?? { sequence: this.#engine.open(), lease: null, pass: null, ticket, usedAt: 0 };
    this.#entries.delete(session);
    this.#entries.set(session, entry);
    entry.ticket = ticket;
    entry.usedAt = this.#now();
    entry.lease = new Lease(entry, this.#engine.capabilities.cost(tokens), idleMs, this.#now);
    return entry.lease;
  }

  /** Forgets sessions that have been idle for too long. */
  expire(): void {
    const before = this.#now() - this.#limits.idleMs;
    for (const [session, entry] of this.#entries) {
      if (entry.usedAt < before && !entry.lease?.holds && !entry.pass) this.#drop(session, entry);
    }
  }

  /** Closes every sequence. */
  close(): void {
    for (const [session, entry] of this.#entries) this.#drop(session, entry);
  }

  #live(): Lease[] {
    return [...this.#entries.values()].flatMap(({ lease }) => (lease?.holds ? [lease] : []));
  }

  #fits(tokens: number): boolean {
    const { capacity, cost } = this.#engine.capabilities;
    const live = this.#live();
    const used = live.reduce((sum, lease) => sum + lease.cost, 0);
    return live.length < this.#limits.live && used + cost(tokens) <= capacity;
  }

  /** Drops the least recently used until `most` are left. */
  #evict(most: number): void {
    for (const [session, entry] of this.#entries) {
      if (this.#entries.size <= most) return;
      if (!entry.lease?.holds && !entry.pass) this.#drop(session, entry);
    }
  }

  #drop(session: string, entry: Entry): void {
    entry.lease?.end();
    entry.sequence.close();
    this.#entries.delete(session);
  }
}

/** The right to work on a session's sequence, until it ends or a newer lease of the same session takes over. */
export class Lease {
  readonly cost: number;
  readonly #entry: Entry;
  readonly #idleMs: number;
  readonly #now: () => number;
  #ended = false;

  constructor(entry: Entry, cost: number, idleMs: number, now: () => number) {
    this.#entry = entry;
    this.cost = cost;
    this.#idleMs = idleMs;
    this.#now = now;
  }

  /** To be worked on only through `pass`. */
  get sequence(): EngineSequence {
    return this.#entry.sequence;
  }

  /** False once the lease ended, was taken over, or did nothing for too long. */
  get holds(): boolean {
    return !this.#ended && this.#now() - this.#entry.usedAt < this.#idleMs;
  }

  /** Runs one slice or pass. A takeover waits for it, so that two generations never work on one sequence at once. */
  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (!this.holds) throw taken();
    this.#entry.usedAt = this.#now();
    const running = work();
    this.#entry.pass = running.then(
      () => {},
      () => {},
    );
    try {
      return await running;
    } finally {
      this.#entry.pass = null;
      this.#entry.usedAt = this.#now();
    }
  }

  end(): void {
    this.#ended = true;
    if (this.#entry.lease === this) this.#entry.lease = null;
  }
}

export const taken = (): OutriderError =>
  new OutriderError("session_taken", "another connection has taken over this session; this one is closed", {
    status: 409,
  });
