/**
 * The sequences of an engine by session. They are kept between turns, so that a next turn need not prefill again. Each
 * is leased to one generation at a time. Their number and their cost are bounded. Plain data only: in a Worker this
 * outlives the request that made it, and one request must not touch a socket, a timer or a promise of another.
 *
 * A lease costs what its timeline takes, and grows before each pass. Where the engine has no more, room is made in this
 * order, until the pass fits:
 *
 *   1. the draft is left out, which is the caller's part
 *   2. sequences that are only kept are closed, the least recently used first
 *   3. of the generations behind this one (shares.ts) the last gives up the end of what is computed for it, as much as
 *      is needed, and computes it again later
 *
 * Where none is behind, this one waits. The first of all can always go on, since one context fits into any engine. The
 * text does not depend on any of this: what was given up is computed again.
 */
import type { TargetEngine } from "./engine.ts";
import { type Entry, isIdle, Lease, taken } from "./lease.ts";
import { type Claim, Shares } from "./shares.ts";
import { GONE_MS, Turns } from "./turns.ts";

export interface Limits {
  /** Generations at work at once. */
  readonly live: number;
  /** Sessions whose sequences are kept, those at work included; at least `live`. */
  readonly kept: number;
  /** A session that did nothing for so long, in ms, is forgotten. */
  readonly idleMs: number;
}

/** What a generation asks for. */
export interface Wish {
  readonly session: string;
  readonly claim: Claim;
  /** Tokens of its timeline at the beginning. */
  readonly tokens: number;
  /** A lease that does nothing for so long is taken for dead, in ms. */
  readonly idleMs: number;
}

/** A generation at work gives way only to one that is so many tokens before it: changing places is not free. */
const LEAD = 64;
/** Computing a token of a prompt takes that share of deciding one. */
const PREFILL_SHARE = 1 / 8;

export class Sequences {
  readonly shares = new Shares();
  readonly #engine: TargetEngine;
  readonly #limits: Limits;
  readonly #now: () => number;
  /** In order of use, the least recent first. */
  readonly #entries = new Map<string, Entry>();
  /** Generations that wait for room, and when they looked last. */
  readonly #waiting = new Map<Claim, number>();
  readonly #turns = new Turns(this.shares);
  #tickets = 0;

  constructor(engine: TargetEngine, limits: Limits, now: () => number) {
    this.#engine = engine;
    this.#limits = limits;
    this.#now = now;
  }

  /** `live` counts leases, those that gave way and wait included. */
  get counts(): { live: number; kept: number } {
    return { live: this.#live().length, kept: this.#entries.size };
  }

  /** Orders generations by age: a newer one takes a session from an older one, never the other way round. */
  ticket(): number {
    return ++this.#tickets;
  }

  /**
   * Leases a session's sequence, and takes it from an older generation if need be. Null while there is no room; to be
   * asked again until there is, or `forget` is called. Rejects with `session_taken` if a newer generation has the
   * session.
   */
  async lease({ session, claim, tokens, idleMs }: Wish): Promise<Lease | null> {
    this.expire();
    const { ticket } = claim;
    const known = this.#entries.get(session);
    if (known) {
      if (known.ticket > ticket) throw taken();
      known.lease?.end();
      await known.pass;
      if (known.ticket > ticket) throw taken();
      if (this.#entries.get(session) !== known) return null;
    }
    const cost = this.#engine.capabilities.cost(tokens);
    if (!this.#makeRoom(claim, known ?? null, cost)) return null;
    if (!known) this.#evict(this.#limits.kept - 1);
    const entry = known ?? { sequence: null, timeline: [], cost, lease: null, pass: null, ticket, usedAt: 0 };
    if (entry.sequence) entry.sequence.cut(tokens - 1);
    else entry.timeline = entry.timeline.slice(0, tokens - 1);
    this.#open(entry, cost);
    this.#entries.delete(session);
    this.#entries.set(session, entry);
    entry.ticket = ticket;
    entry.usedAt = this.#now();
    entry.lease = new Lease(entry, claim, idleMs, {
      now: this.#now,
      grow: (lease, most) => this.#grow(lease, most),
      isTurn: (lease) => this.#isTurn(lease),
      ended: () => this.forget(claim),
    });
    return entry.lease;
  }

  /** A generation waits no longer. */
  forget(claim: Claim): void {
    this.#waiting.delete(claim);
    this.#turns.forget(claim);
  }

  /** Forgets sessions that have been idle for too long. */
  expire(): void {
    const before = this.#now() - this.#limits.idleMs;
    for (const [session, entry] of this.#entries) {
      if (entry.usedAt < before && isIdle(entry)) this.#drop(session, entry);
    }
  }

  /** Closes every sequence. */
  close(): void {
    for (const [session, entry] of this.#entries) this.#drop(session, entry);
  }

  #live(): Lease[] {
    return [...this.#entries.values()].flatMap(({ lease }) => (lease?.holds ? [lease] : []));
  }

  /** See `Lease.grow`. */
  #grow(lease: Lease, tokens: number): boolean {
    if (!lease.holds) throw taken();
    const { entry, claim } = lease;
    const cost = this.#engine.capabilities.cost(tokens);
    entry.usedAt = this.#now();
    if (lease.yields) {
      lease.yields = false;
      lease.placed = false;
    }
    const has = lease.placed && entry.sequence !== null && cost <= entry.cost;
    if (!has && !this.#makeRoom(claim, entry, cost)) return false;
    this.#open(entry, cost);
    lease.placed = true;
    return true;
  }

  /** Whether a generation may work now, on an engine whose passes take turns. */
  #isTurn({ claim }: Lease): boolean {
    if (!this.#engine.capabilities.serial) return true;
    const isBusy = [...this.#entries.values()].some(({ pass }) => pass);
    return this.#turns.isTurn(claim, isBusy, this.#now());
  }

  /**
   * Whether a generation may work on a sequence that costs so much, if need be because others gave way. Otherwise it is
   * among those that wait, and nobody behind it gets room before it does.
   */
  #makeRoom(claim: Claim, own: Entry | null, cost: number): boolean {
    const now = this.#now();
    this.#waiting.set(claim, now);
    for (const [other, lookedAt] of this.#waiting) {
      if (now - lookedAt > GONE_MS) this.#waiting.delete(other);
      else if (other !== claim && this.shares.lead(other, claim) > 0) return false;
    }
    if (!this.#hasPlace(claim, own) || !this.#hasRoom(claim, own, cost)) return false;
    this.#waiting.delete(claim);
    return true;
  }

  #hasPlace(claim: Claim, own: Entry | null): boolean {
    if (own?.lease?.holds && own.lease.placed) return true;
    const placed = this.#live().filter((lease) => lease.placed);
    if (placed.length < this.#limits.live) return true;
    const last = this.#lastBehind(claim, placed);
    if (!last || !this.#leads(claim, last, 0)) return false;
    if (last.entry.pass) last.yields = true;
    else last.placed = false;
    return !last.placed;
  }

  #hasRoom(claim: Claim, own: Entry | null, cost: number): boolean {
    const { capacity } = this.#engine.capabilities;
    for (;;) {
      let used = cost;
      for (const entry of this.#entries.values()) if (entry !== own) used += entry.cost;
      const lacking = used - capacity;
      if (lacking <= 0) return true;
      if (this.#dropIdle(own)) continue;
      const holding = this.#live().filter(({ entry }) => entry !== own && entry.cost > 0);
      const last = this.#lastBehind(claim, holding);
      if (!last) return false;
      const left = this.#tokensWithin(last.entry, last.entry.cost - lacking);
      if (!this.#leads(claim, last, last.timeline.length - left)) return false;
      if (last.entry.pass) {
        last.yields = true;
        return false;
      }
      this.#shrink(last, left);
    }
  }

  #lastBehind(claim: Claim, leases: readonly Lease[]): Lease | null {
    let last: Lease | null = null;
    for (const lease of leases) {
      const isBehind = this.shares.lead(claim, lease.claim) > 0;
      if (isBehind && (!last || this.shares.lead(last.claim, lease.claim) > 0)) last = lease;
    }
    return last;
  }

  /** Whether `claim` is far enough before a lease to take from it what `lost` tokens hold. */
  #leads(claim: Claim, lease: Lease, lost: number): boolean {
    const isWaiting = !lease.placed || this.#waiting.has(lease.claim);
    return isWaiting || this.shares.lead(claim, lease.claim) > LEAD + lost * PREFILL_SHARE;
  }

  /** Closes the least recently used of the sequences that are only kept and cost something. */
  #dropIdle(own: Entry | null): boolean {
    for (const [session, entry] of this.#entries) {
      if (entry === own || entry.cost === 0 || !isIdle(entry)) continue;
      this.#drop(session, entry);
      return true;
    }
    return false;
  }

  /** How many tokens of a timeline cost at most so much. */
  #tokensWithin({ sequence, timeline }: Entry, cost: number): number {
    let least = 0;
    let most = (sequence?.timeline ?? timeline).length;
    while (least < most) {
      const middle = Math.ceil((least + most) / 2);
      if (this.#engine.capabilities.cost(middle) <= cost) least = middle;
      else most = middle - 1;
    }
    return least;
  }

  /** Gives up what is computed behind the first `tokens`, and the sequence itself where none are left. */
  #shrink(lease: Lease, tokens: number): void {
    const { entry } = lease;
    const { sequence } = entry;
    lease.shrunk = true;
    if (!sequence) return;
    const timeline = [...sequence.timeline];
    if (tokens === 0) {
      entry.timeline = timeline;
      entry.sequence = null;
      entry.cost = 0;
      sequence.close();
    } else {
      sequence.cut(tokens);
      sequence.append(timeline.slice(tokens));
      entry.cost = this.#engine.capabilities.cost(tokens);
    }
  }

  #open(entry: Entry, cost: number): void {
    if (!entry.sequence) {
      entry.sequence = this.#engine.open();
      entry.sequence.append(entry.timeline);
      entry.timeline = [];
    }
    entry.cost = cost;
  }

  /** Drops the least recently used until `most` are left. */
  #evict(most: number): void {
    for (const [session, entry] of this.#entries) {
      if (this.#entries.size <= most) return;
      if (isIdle(entry)) this.#drop(session, entry);
    }
  }

  #drop(session: string, entry: Entry): void {
    entry.lease?.end();
    entry.sequence?.close();
    this.#entries.delete(session);
  }
}
