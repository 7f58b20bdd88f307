/**
 * How far to draft. An origin that waits is sent a draft as long as pays best; an origin that streams is sent each token as it
 * is made, as long as it may save something there (rates.ts has the sums). Where drafting gains nothing it is tried now and
 * then, to notice when that changes. BiLD's fallback (Kim et al. 2023 §3.2) stops at the first token whose probability is under a
 * fixed threshold.
 */
import type { History } from "./history.ts";
import { choosePatience } from "./patience.ts";
import { bestWaiting, promises, streamed } from "./rates.ts";
import type { More } from "./types.ts";

export interface WindowPolicy {
  /** Longest draft, at least 1. */ readonly maxDraft: number;
  /** alpha_fallback: draft no further than a token less probable than this; 0 leaves it to the estimate. */
  readonly fallback: number;
  /** How long the origin waits for a draft, ms; "auto": as `choosePatience` says at each draft. */
  readonly patience: number | "auto";
  /** What to spend least of per decided token. */ readonly spare: "time" | "passes";
}

/** Where drafting does not pay, it is tried once in so many verdicts: an origin that streams sends one a token. */
const EXPLORE = { waits: 8, streams: 32 } as const;

/** How far the next draft may go. */
export interface Plan {
  /** Tokens to make before they are sent; 0 when what is already ahead is enough, or drafting does not pay. */
  readonly max: number;
  /** Whether there may be more to make once they are sent. */ readonly goesOn: boolean;
  readonly more: More;
}

export class Window {
  readonly policy: WindowPolicy;
  readonly history: History;
  #patience: number;
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

  /** Whether a draft of any length promises more than none. */
  get pays(): boolean {
    const { policy, history } = this;
    if (policy.spare === "passes") return true;
    if (this.#patience > 0) return promises([], bestWaiting(history, policy), history, policy);
    const { tokens, ms } = streamed(history.costs, history.meanAcceptance, policy.maxDraft);
    return tokens * history.costs.targetStepMs > (1 + 1e-9) * ms;
  }

  /** @param ahead confidences of draft tokens already sent that the target has not decided on yet */
  plan(ahead: readonly number[] = []): Plan {
    const { policy, history } = this;
    if (policy.patience === "auto") this.#patience = choosePatience(history, policy.maxDraft, this.#patience > 0);
    const streams = this.#patience === 0;
    const rate = streams ? 0 : bestWaiting(history, policy);
    const survival: number[] = [];
    const push = (confidence: number) => {
      survival.push((survival.at(-1) ?? 1) * history.acceptance(confidence));
    };
    const worthwhile = (confidence: number) =>
      survival.length < policy.maxDraft &&
      confidence >= policy.fallback &&
      (streams ? this.#saves(survival.at(-1)!) : promises(survival, rate, history, policy));
    for (const confidence of ahead) push(confidence);
    const last = ahead.at(-1);
    const go = last === undefined ? this.pays || this.#explores(streams) : worthwhile(last);
    return {
      max: go ? Math.min(streams ? 1 : policy.maxDraft, Math.max(0, policy.maxDraft - ahead.length)) : 0,
      goesOn: streams && go,
      more: (confidence) => {
        push(confidence);
        return worthwhile(confidence);
      },
    };
  }

  /** Whether one more token than those of this survival saves more of the origin's time than it costs there. */
  #saves(survival: number): boolean {
    const { targetStepMs, positionMs } = this.history.costs;
    return this.policy.spare === "passes" || survival * this.history.meanAcceptance * targetStepMs > positionMs;
  }

  #explores(streams: boolean): boolean {
    return ++this.#skipped % (streams ? EXPLORE.streams : EXPLORE.waits) === 0;
  }
}
