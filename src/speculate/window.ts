/**
 * How far to draft. An origin that waits is sent a draft as long as pays best; an origin that streams is sent each
 * token as it is made, as long as it may save something there (rates.ts has the sums). Where drafting gains nothing it
 * is tried now and then, to notice when that changes. BiLD's fallback (Kim et al. 2023 §3.2) stops at the first token
 * whose probability is under a fixed threshold.
 */
import type { History } from "./history.ts";
import { chooseNodes, isFull, LEAST_SIBLING, type Nodes, type Place, survivalOf } from "./nodes.ts";
import { choosePatience } from "./patience.ts";
import { bestWaiting, promises, streamed } from "./rates.ts";
import type { Likelihood, More } from "./types.ts";

export interface WindowPolicy {
  /** Longest draft, at least 1. */
  readonly maxDraft: number;
  /** alpha_fallback: draft no further than a token less probable than this; 0 leaves it to the estimate. */
  readonly fallback: number;
  /** How long the origin waits for a draft, ms; "auto": as `choosePatience` says at each draft. */
  readonly patience: number | "auto";
  /** What to spend least of per decided token. */
  readonly spare: "time" | "passes";
}

/**
 * Where only passes count, drafting on always promises a little. A `fallback` of this much spares a third of the steps
 * for 2 % of the tokens a pass.
 */
export const LEAST_CONFIDENCE = 0.1;

/** A policy but for its patience, where passes count and time does not. */
export const fewestPasses = (maxDraft: number) => ({ maxDraft, fallback: LEAST_CONFIDENCE, spare: "passes" }) as const;

/**
 * Where drafting does not pay, it is tried at so many of each so many verdicts, one after the other. An origin that
 * streams sends one a token and does not wait while a drafter reads all that it has missed: the next tries are what
 * comes of that.
 */
const EXPLORE = { waits: { tries: 1, of: 8 }, streams: { tries: 4, of: 32 } } as const;
/** Tokens a pass that a drafter must promise an origin that streams, or it is not worth its own time. */
const LEAST_SAVING = 1.005;

/** Further tokens that a drafter names for a place: more are hardly ever worth a position (docs/log.md). */
const OTHERS = 3;

/** How far the next draft may go. */
export interface Plan {
  /** Tokens to make at once; 0 when what is already ahead is enough, or drafting does not pay. */
  readonly max: number;
  /** Further tokens to name for each place. */
  readonly others: number;
  /** The origin does not wait: each token is sent as it is made, if it `saves`, and then another may be. */
  readonly streams: boolean;
  readonly more: More;
}

export class Window {
  readonly policy: WindowPolicy;
  readonly history: History;
  #patience: number;
  /** Verdicts of this answer that came while drafting did not pay, the drafter being near. */
  #skipped = 0;

  constructor(policy: WindowPolicy, history: History) {
    this.policy = policy;
    this.history = history;
    this.#patience = policy.patience === "auto" ? choosePatience(history, policy.maxDraft) : policy.patience;
  }

  /** How long the origin is to wait for drafts now, ms. */
  get patience(): number {
    return this.#patience;
  }

  /** Whether drafting promises more than not drafting. */
  get pays(): boolean {
    const { policy, history } = this;
    if (policy.spare === "passes") return true;
    if (this.#patience > 0) return promises([], bestWaiting(history, policy), history, policy);
    return this.#gains(history.meanAcceptance);
  }

  /**
   * @param ahead draft tokens made already that the target has not decided on yet
   * @param siblings whether the target judges siblings
   */
  plan(ahead: readonly Likelihood[] = [], siblings = false): Plan {
    const { policy, history } = this;
    if (policy.patience === "auto") this.#patience = choosePatience(history, policy.maxDraft, this.#patience > 0);
    const streams = this.#patience === 0;
    const room = policy.maxDraft - ahead.length;
    if (streams) {
      const go = room > 0 && (ahead.length > 0 ? this.saves(ahead) : this.pays || this.#explores(true));
      return { max: go ? 1 : 0, others: 0, streams, more: () => false };
    }
    const rate = bestWaiting(history, policy);
    const least = this.#leastSibling(rate);
    const places = this.#places(ahead);
    const worthwhile = ({ confidence }: Likelihood) =>
      places.length < policy.maxDraft &&
      confidence >= policy.fallback &&
      promises(survivalOf(places), rate, history, policy) &&
      !(siblings && isFull(places, policy.maxDraft, least));
    const last = ahead.at(-1);
    const go = last === undefined ? this.pays || this.#explores(false) : worthwhile(last);
    return {
      max: go ? Math.max(0, room) : 0,
      others: siblings ? OTHERS : 0,
      streams,
      more: (token) => {
        places.push(...this.#places([token]));
        return worthwhile(token);
      },
    };
  }

  /**
   * Which tokens of a draft, and of the others for its places, an origin that waits and judges siblings is to be sent.
   */
  choose(draft: readonly Likelihood[]): Nodes {
    const { policy, history } = this;
    return chooseNodes(this.#places(draft), policy.maxDraft, this.#leastSibling(bestWaiting(history, policy)));
  }

  #places(draft: readonly Likelihood[]): Place[] {
    return draft.map(({ confidence, others = [] }) => ({ chance: this.history.acceptance(confidence), others }));
  }

  /**
   * What a sibling must be worth, in decided tokens, where waiting decides `rate` tokens a ms: the time of its
   * position, or little.
   */
  #leastSibling(rate: number): number {
    const { policy, history } = this;
    return policy.spare === "passes" ? LEAST_SIBLING : rate * history.costs.positionMs;
  }

  /** Whether the last token of a draft saves an origin that streams more time than its position costs. */
  saves(draft: readonly Likelihood[]): boolean {
    const { policy, history } = this;
    if ((draft.at(-1)?.confidence ?? 0) < policy.fallback) return false;
    if (policy.spare === "passes") return true;
    const survival = survivalOf(this.#places(draft)).at(-1) ?? 1;
    return survival * history.costs.targetStepMs > history.costs.positionMs;
  }

  /**
   * Whether to try although it does not pay. A distance stays between answers, so the whole session's verdicts count
   * and tries are the last; where the drafter's acceptance is in doubt each answer begins with them, for it may suit
   * that one.
   */
  #explores(streams: boolean): boolean {
    const { tries, of } = streams ? EXPLORE.streams : EXPLORE.waits;
    const near = streams && this.#gains(1);
    const verdict = near ? this.#skipped++ : this.history.skipped++;
    return (near ? verdict : verdict + tries) % of < tries;
  }

  /** Whether a drafter of this acceptance is in time to spare an origin that streams some of its passes. */
  #gains(acceptance: number): boolean {
    const { policy, history } = this;
    // Which tokens are worth their positions is decided when they are made.
    const { tokens, passes } = streamed({ ...history.costs, positionMs: 0 }, acceptance, policy.maxDraft);
    return tokens > LEAST_SAVING * passes;
  }
}
