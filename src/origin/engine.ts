/**
 * What the gateway needs of whatever runs a target. An engine gives sequences; a sequence holds one session's timeline
 * and decides what comes next. How it scores a draft (its own kernels, a library, a server) is its own business.
 */
import type { Decision } from "../speculate/accept.ts";
import type { Rule, Sampling, Sibling } from "../speculate/types.ts";

/** Whole contexts of key/value memory for all sequences together, where nobody says how much. */
export const KV_CONTEXTS = 4;

export interface TargetEngine {
  /** What runs the target, as `--engine` names it. */
  readonly name: string;
  /** Model id, as the wire names it. */
  readonly model: string;
  readonly vocabulary: { readonly size: number; readonly hash: string };
  /** Longest timeline in tokens. */
  readonly context: number;
  readonly capabilities: Capabilities;
  /** An empty sequence. */
  open(): EngineSequence;
  /** Gives back everything, when no sequence is at work any more. */
  close?(): Promise<void>;
}

export interface Capabilities {
  readonly rules: readonly Rule["kind"][];
  /** Draft tokens that one target pass scores, at most. */
  readonly maxDraft: number;
  /** Whether it scores siblings of draft tokens, which count as draft tokens. */
  readonly siblings: boolean;
  /** What all sequences at work may cost together, in the engine's own unit (say, KV pages). */
  readonly capacity: number;
  /** What a timeline of so many tokens costs of it. */
  cost(tokens: number): number;
  /**
   * False for a sampling of which the engine tells too little to judge drafts: such a generation is streamed without
   * them.
   */
  drafted(sampling: Sampling): boolean;
}

/** How to decide: the same for all passes of a generation. */
export interface Deciding {
  readonly sampling: Sampling;
  readonly rule: Rule;
  /** Token ids that end the answer. */
  readonly stop: ReadonlySet<number>;
}

export interface EngineSequence {
  /** Everything decided so far, prompt included: one array that changes in place. */
  readonly timeline: readonly number[];
  /** Adds tokens that are decided already: a prompt. Costs nothing yet. */
  append(tokens: readonly number[]): void;
  /** Forgets everything from position `length` on. */
  cut(length: number): void;
  /**
   * Computes one slice of what the next `decide` would otherwise have to catch up on. Resolves to false when none is
   * left.
   */
  prefill(): Promise<boolean>;
  /**
   * One target pass: scores `draft` and `siblings` (at most `maxDraft` tokens together, none is fine) after the
   * timeline, appends what is decided and returns it. Rejects with an OutriderError when the target cannot go on; the
   * timeline is then unchanged.
   */
  decide(draft: readonly number[], deciding: Deciding, siblings?: readonly Sibling[]): Promise<Decision>;
  /**
   * Decides greedily, a token at a time and at most `most`, until the caller leaves. Only of engines for which a pass
   * by itself costs more than one of many: behind a server every `decide` is a request. Rejects as `decide` does.
   */
  stream?(most: number): AsyncGenerator<number, void>;
  /** Gives back all memory. The sequence may not be used afterwards. */
  close(): void;
}

/**
 * The part of a sequence that is the same for all engines: its tokens. What is computed of them is each engine's own.
 */
export abstract class Timeline {
  readonly timeline: number[] = [];

  append(tokens: readonly number[]): void {
    for (const token of tokens) this.timeline.push(token);
  }

  cut(length: number): void {
    this.timeline.length = Math.min(this.timeline.length, length);
  }
}
