/**
 * The two interfaces that everything else implements: a Drafter proposes, a Verifier decides.
 * A timeline is the token sequence of one session, prompt included; a position is an index into it.
 */

import type { PassCost } from "./pass-cost.ts";

/** How the target draws a token. `temperature` 0 is greedy, and then the other fields are ignored. */
export interface Sampling {
  readonly temperature: number;
  /** Keep the k most likely tokens; 0 keeps all. */
  readonly topK: number;
  /** Keep the smallest set of most likely tokens whose probability reaches topP; 1 keeps all. */
  readonly topP: number;
  /** Keep tokens at least minP times as likely as the likeliest; 0 keeps all. */
  readonly minP: number;
  /** Whole number in [0, 2^32). */
  readonly seed: number;
}

export const GREEDY: Sampling = { temperature: 0, topK: 0, topP: 1, minP: 0, seed: 0 };

/** How the origin decides what to keep of a draft (accept.ts). BiLD: Kim et al. 2023, arXiv 2302.07863. */
export type Rule = { readonly kind: "exact" } | { readonly kind: "bild"; readonly alphaRollback: number };

/** An alternative to the draft's token `at`, for the same position. Nothing is drafted after it. */
export interface Sibling {
  readonly at: number;
  readonly id: number;
}

/** What one target pass verifies: a chain of tokens, and siblings of some of them. */
export interface DraftTokens {
  readonly tokens: readonly number[];
  readonly siblings?: readonly Sibling[] | undefined;
}

/** The small model's proposed tokens for the positions from `position` on. */
export interface Draft extends DraftTokens {
  readonly position: number;
  /** Tokens that one pass best scores of it at most, siblings apart; absent: all. */
  readonly most?: number | undefined;
  /** How long the target may wait for drafts from now on, ms; absent: as before. */
  readonly patience?: number | undefined;
}

/** Called after each drafted token: whether to draft one more. */
export type More = (last: Likelihood) => boolean;

export interface Drafter {
  /**
   * Makes the drafter hold exactly `timeline`: reuses the common prefix of what it held, cuts back what differs,
   * computes the rest. Long work yields to the event loop about every 20 ms.
   */
  sync(timeline: readonly number[]): Promise<void>;
  /**
   * Proposes up to `max` tokens that follow the synced timeline, with at most `others` alternatives for each position.
   * Stops early where `more` returns false. May return none.
   */
  propose(max: number, more: More, others?: number): Promise<readonly Proposed[]>;
  /**
   * Work on the synced timeline that a draft did not need, done while the target verifies it. Stops soon after `more`
   * returns false.
   */
  settle?(more: () => boolean): Promise<void>;
  /**
   * Called for each verdict, before the first `sync` behind it.
   *
   * @param timeline ends with the decided tokens, which begin at `from`
   * @param refused absent where the verdict refused nothing, or the engine does not tell
   */
  learn?(timeline: readonly number[], from: number, refused?: Refused): void;
  /** It has no model, so all its tokens take the same time. */
  readonly copiesAlone?: boolean;
}

/** The part of a draft that a pass has computed in vain. */
export interface Refused {
  /** Draft tokens from the first wrong one on. */
  readonly tokens: readonly number[];
  /** Behind each of them the target's own token; null where the engine does not know it. */
  readonly next: readonly (number | null)[];
}

export interface Candidate {
  readonly id: number;
  /** The drafter's estimate of the probability that the target decides this token, in [0, 1]. */
  readonly confidence: number;
  /**
   * Which drafter it came from; `prediction`: a copy of what the client expects as the answer, `form`: what the answer's
   * form asks for; `recycled`: what the target said behind a refused draft token.
   */
  readonly source: "model" | "lookup" | "prediction" | "form" | "recycled";
}

export interface Proposed extends Candidate {
  /** Alternatives for its position, the likeliest first. */
  readonly others?: readonly Candidate[];
}

/** What the decision how far to draft depends on. */
export type Likelihood = Pick<Proposed, "confidence" | "others">;

/** ln p of a decided token under the target's plain softmax: before any shaping, temperature or filter. */
export interface TokenLogprob {
  readonly logprob: number;
  /** The likeliest tokens of its position, most likely first. */
  readonly top: readonly (readonly [id: number, logprob: number])[];
}

/** The origin's answer to one target pass. */
export interface Verdict {
  /** Position of `tokens[0]`. */
  readonly position: number;
  /** How many of `tokens`, from the first on, were draft tokens; the last of them may be a sibling. */
  readonly kept: number;
  /** The tokens decided from `position` on: those kept, then the target's own. */
  readonly tokens: readonly number[];
  /** Target passes of this generation so far, the prompt's included. */
  readonly passes: number;
  /** Draft tokens that the pass scored, siblings among them, also those after the first wrong one. */
  readonly scored: number;
  /** Of these, siblings. */
  readonly siblingsScored?: number | undefined;
  /** Wall time of the target pass, in ms. */
  readonly stepMs: number;
  /** How long the origin waited for a draft before the pass, in ms. */
  readonly waitMs: number;
  /**
   * The newest draft that has arrived since the last verdict: its position, its length in tokens, and how many ms it
   * came after the verdict that ended at its position. Absent where none came.
   */
  readonly arrival?: { readonly position: number; readonly tokens: number; readonly ms: number } | undefined;
  /** The engine cannot verify drafts under this sampling: it streams, and no draft is used. */
  readonly undrafted?: boolean | undefined;
  /** The engine verifies siblings. */
  readonly siblings?: boolean | undefined;
  /** As `Decision.recycled`. */
  readonly recycled?: readonly (number | null)[] | undefined;
  /** Generations that the origin runs or lets wait, as a share of those that it runs at once. */
  readonly load?: number | undefined;
  /** Of each of `tokens`, where the generation asked for it. */
  readonly logprobs?: readonly TokenLogprob[] | undefined;
  /** In the first verdict of a generation: the engine's guess of what a pass costs by its positions. */
  readonly passCost?: PassCost | undefined;
}

export interface Done {
  readonly reason: "stop" | "length";
}

export interface Verifier {
  /** Resolves when the target has been asked, or never will be. Whatever this side computes before then delays it. */
  readonly asked: Promise<void>;
  /** Sends a draft; returns at once. A draft that no longer fits is dropped by the origin. */
  submit(draft: Draft): void;
  /** The next verdict, or the end. Rejects with an OutriderError when the origin refuses or is lost for good. */
  next(): Promise<Verdict | Done>;
  /** True when a verdict has arrived that `next` has not returned yet. */
  readonly ready: boolean;
  /** Tells the origin to stop; idempotent. */
  close(): void;
}

/**
 * The beginning of a draft that a wire, a vocabulary or a pass can take: the first `most` tokens before one that is not
 * `valid`, since that cannot be kept nor anything after it, and their valid siblings.
 */
export function beginningOf(
  { tokens, siblings = [] }: DraftTokens,
  most: number,
  valid: (id: number) => boolean = () => true,
): { tokens: readonly number[]; siblings: readonly Sibling[] } {
  const bad = tokens.findIndex((id) => !valid(id));
  const first = tokens.slice(0, bad < 0 ? most : Math.min(most, bad));
  return { tokens: first, siblings: siblings.filter(({ at, id }) => at < first.length && valid(id)) };
}
