/** The right of one generation to work on a session's sequence. Sequences (sequences.ts) keeps and grants it. */
import { OutriderError } from "../core/model/errors.ts";
import type { EngineSequence } from "./engine.ts";
import type { Claim } from "./shares.ts";

/** A session's sequence, at work or only kept. */
export interface Entry {
  /** Null once it was closed to make room; `timeline` is then what it held. */
  sequence: EngineSequence | null;
  timeline: readonly number[];
  /** What its timeline takes of the engine's capacity, or may in the pass under way. */
  cost: number;
  /** The lease at work, if any. */
  lease: Lease | null;
  /** The pass in flight on the sequence. Resolves however the pass ends; whoever started it gets its error. */
  pass: Promise<void> | null;
  /** Of the newest generation that leased it. */
  ticket: number;
  /** When it was last leased or worked on. */
  usedAt: number;
}

export const isIdle = ({ lease, pass }: Entry): boolean => !lease?.holds && !pass;

/** What a lease asks its keeper. */
interface Keeper {
  now(): number;
  grow(lease: Lease, tokens: number): boolean;
  isTurn(lease: Lease): boolean;
  ended(): void;
}

/** The right to work on a session's sequence, until it ends or a newer lease of the same session takes over. */
export class Lease {
  readonly claim: Claim;
  /** For the keeper alone. */
  readonly entry: Entry;
  /** Whether it is one of the generations at work, or waits after it gave way. */
  placed = true;
  /** It is to give way once its pass ends. */
  yields = false;
  /** What was computed had to be given up: the prompt is to be prefilled again. */
  shrunk = false;
  readonly #keeper: Keeper;
  readonly #idleMs: number;
  #ended = false;

  constructor(entry: Entry, claim: Claim, idleMs: number, keeper: Keeper) {
    this.entry = entry;
    this.claim = claim;
    this.#idleMs = idleMs;
    this.#keeper = keeper;
  }

  /** To be worked on only through `pass`, after `grow` said that it may. */
  get sequence(): EngineSequence {
    return this.entry.sequence!;
  }

  /** All tokens decided so far, also while the sequence is closed. */
  get timeline(): readonly number[] {
    return this.entry.sequence?.timeline ?? this.entry.timeline;
  }

  /** False once the lease ended, was taken over, or did nothing for too long. */
  get holds(): boolean {
    return !this.#ended && this.#keeper.now() - this.entry.usedAt < this.#idleMs;
  }

  /** Whether a pass up to `tokens` tokens may be run now. To be asked again until it may, each time before a pass. */
  grow(tokens: number): boolean {
    return this.#keeper.grow(this, tokens);
  }

  /** Whether it is this generation's turn. To be asked again until it is. */
  get isTurn(): boolean {
    return this.#keeper.isTurn(this);
  }

  /** Runs one slice or pass. A takeover waits for it, so that two generations never work on one sequence at once. */
  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (!this.holds) throw taken();
    this.entry.usedAt = this.#keeper.now();
    const running = work();
    this.entry.pass = running.then(
      () => {},
      () => {},
    );
    try {
      return await running;
    } finally {
      this.entry.pass = null;
      this.entry.usedAt = this.#keeper.now();
    }
  }

  end(): void {
    this.#ended = true;
    if (this.entry.lease === this) this.entry.lease = null;
    this.#keeper.ended();
  }
}

export const taken = (): OutriderError =>
  new OutriderError("session_taken", "another connection has taken over this session; this one is closed", {
    status: 409,
  });
