/**
 * What the gateway needs of whatever runs a target. An engine opens sequences. A sequence holds one session's timeline
 * and decides the next tokens. How it scores a draft (its own kernels, a library, a server) is its own business.
 */
import type { Tokenizer } from "../core/model/tokenizer.ts";
import type { Decision } from "../core/speculate/accept.ts";
import type { PassCost } from "../core/speculate/pass-cost.ts";
import type { Shapers, ShapingKind } from "../core/speculate/shaping.ts";
import type { Rule, Sampling, Sibling } from "../core/speculate/types.ts";

/** Default key/value memory of all sequences together, in whole contexts. */
export const KV_CONTEXTS = 4;

export interface TargetEngine {
  /** What runs the target, as `--engine` names it. */
  readonly name: string;
  /** Model id, as edges name it in `open`. */
  readonly model: string;
  /** Number of token ids, and `vocabularyHash` of their texts; edges must have the same. */
  readonly vocabulary: TargetVocabulary;
  /** Longest timeline in tokens. */
  readonly context: number;
  readonly capabilities: Capabilities;
  /** What it computes on and what its text depends on, in words; absent where it does not know. */
  readonly hardware?: string | undefined;
  /**
   * A first guess of what a pass costs by the positions that it computes, beside a pass over one; absent where it has
   * none. Edges measure the rest.
   */
  readonly passCost?: PassCost | undefined;
  /** Opens an empty sequence. Throws `kv_full` when the engine has no memory for one more. */
  open(): EngineSequence;
  /** Gives back all memory. Called once, when no sequence is at work any more. */
  close?(): Promise<void>;
}

export interface TargetVocabulary {
  readonly size: number;
  readonly hash: string;
  /** What its tokens say, read when it is first asked for; absent: answers under a constraint are refused. */
  readonly tokenizer?: (() => Promise<Pick<Tokenizer, "bytesOf">>) | undefined;
}

export interface Capabilities {
  /** The rules that `decide` knows. */
  readonly rules: readonly Rule["kind"][];
  /** Draft tokens that one target pass scores, at most. */
  readonly maxDraft: number;
  /** Whether it scores siblings of draft tokens, which count as draft tokens. */
  readonly siblings: boolean;
  /** What all sequences may cost together, kept ones included, in a unit of the engine's own, such as KV pages. */
  readonly capacity: number;
  /** What a timeline of so many tokens costs, in the same unit. */
  cost(tokens: number): number;
  /** Its passes take turns: several at once are no faster than one after the other. */
  readonly serial?: true;
  /** What it can do to logits before it chooses. */
  readonly shapes: readonly ShapingKind[];
  /** Whether it tells log probabilities. */
  readonly logprobs: boolean;
  /**
   * Whether drafts can be verified under a sampling. False where the engine returns too little of the distribution and
   * draws by itself; such a generation is streamed without drafts and does not repeat for a seed.
   */
  drafted(sampling: Sampling): boolean;
  /** How to start a server behind the engine so that it can do more, in a sentence; absent where nothing is missing. */
  readonly moreWith?: string | undefined;
}

/** How to decide: the same for all passes of a generation. */
export interface Deciding {
  readonly sampling: Sampling;
  readonly rule: Rule;
  /** What changes the logits before a token is chosen. */
  readonly shapers?: Shapers | undefined;
  /** How many of the likeliest tokens to tell of each position, beside the decided one; absent: tell nothing. */
  readonly logprobs?: number | undefined;
  /** Token ids that end the answer. */
  readonly stop: ReadonlySet<number>;
}

export interface EngineSequence {
  /** All tokens decided so far, prompt included: one array that changes in place. */
  readonly timeline: readonly number[];
  /** Adds tokens that are decided already, such as a prompt. Computes nothing yet. */
  append(tokens: readonly number[]): void;
  /** Forgets everything from position `length` on. */
  cut(length: number): void;
  /**
   * Computes one slice of the tokens that the next `decide` would otherwise compute first. Resolves to false when none
   * is left.
   */
  prefill(): Promise<boolean>;
  /**
   * One target pass: scores `draft` and `siblings` after the timeline (at most `maxDraft` tokens together, or none),
   * appends the decided tokens and returns them. Rejects with an OutriderError when the target cannot go on; the
   * timeline is then unchanged.
   */
  decide(draft: readonly number[], deciding: Deciding, siblings?: readonly Sibling[]): Promise<Decision>;
  /**
   * Decides greedily, or draws under a sampling that is not `drafted`: a token at a time and at most `most`, until the
   * caller leaves. For engines behind a server, where every `decide` is a request of its own and a stream is one for
   * many tokens. Rejects as `decide` does.
   */
  stream?(sampling: Sampling, most: number): AsyncGenerator<number, void>;
  /** Gives back all memory. The sequence may not be used afterwards. */
  close(): void;
}

/** The part of a sequence that is the same for all engines: its tokens. */
export abstract class Timeline {
  readonly timeline: number[] = [];

  append(tokens: readonly number[]): void {
    for (const token of tokens) this.timeline.push(token);
  }

  cut(length: number): void {
    this.timeline.length = Math.min(this.timeline.length, length);
  }
}

/** The same engine under another model id. */
export const renamed = (engine: TargetEngine, model: string): TargetEngine => ({
  name: engine.name,
  model,
  vocabulary: engine.vocabulary,
  context: engine.context,
  capabilities: engine.capabilities,
  hardware: engine.hardware,
  passCost: engine.passCost,
  open: () => engine.open(),
  close: async () => engine.close?.(),
});
