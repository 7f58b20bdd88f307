/**
 * How far to draft. An origin that waits is sent the draft length that pays best. An origin that streams is sent each
 * token as soon as it is made, as long as the token may save time there (rates.ts has the sums). Where drafting gains
 * nothing it is tried now and then, to notice when that changes. BiLD's fallback (Kim et al. 2023 §3.2) stops at the
 * first token whose probability is under a fixed threshold.
 *
 * What drafting costs and how often tokens are kept is learned (history.ts). The constants of this file are not.
 */
import type { History } from "./history.ts";
import {
  type ChainToken,
  chooseNodes,
  isFull,
  LEAST_SIBLING,
  mayGrow,
  type Nodes,
  type Pass,
  survivalOf,
} from "./nodes.ts";
import { choosePatience } from "./patience.ts";
import { bestWaiting, promises, streamed } from "./rates.ts";
import type { Likelihood, More } from "./types.ts";

export interface WindowPolicy {
  /** Longest draft in tokens, at least 1. */
  readonly maxDraft: number;
  /** alpha_fallback: draft no further than a token less probable than this; 0 leaves it to the estimate. */
  readonly fallback: number;
  /** How long the origin waits for a draft, in ms; "auto" follows `choosePatience` at each draft. */
  readonly patience: number | "auto";
  /** What to spend least of per decided token. */
  readonly spare: "time" | "passes";
  /**
   * The drafter computes on the one processor that the target computes on. Each draft step then delays the target by
   * its own length, and a processor takes nearly as long for each further position as for the first: drafts spare
   * passes and never time.
   */
  readonly sharedCpu?: boolean | undefined;
}

/**
 * The `fallback` where only passes count: without one, drafting on always promises a little. Measured on six prompts
 * with a draft of 20 blocks of SmolLM2-135M: 2 % fewer tokens per pass, and a third of the draft steps saved
 * (docs/log.md, "When to stop drafting if only passes count", 2026-11-25). A confidence is compared, so the value does
 * not depend on the pair's speed.
 */
export const LEAST_CONFIDENCE = 0.1;

/** A policy but for its patience, where passes count and time does not. */
export const fewestPasses = (maxDraft: number) => ({ maxDraft, fallback: LEAST_CONFIDENCE, spare: "passes" }) as const;

/**
 * Where drafting does not pay, `tries` consecutive verdicts out of `of` are drafted for all the same. An origin that
 * streams sends a verdict per token and decodes on while a drafter reads what it has missed, so the first tries are
 * lost to reading; therefore several in a row. By judgement: an eighth of the work at most is spent on trying.
 */
const EXPLORE = { waits: { tries: 1, of: 8 }, streams: { tries: 4, of: 32 } } as const;

/** Tokens per pass that a drafter must promise an origin that streams: less is not worth the drafter's own time. */
const LEAST_SAVING = 1.005;

/**
 * Alternatives that a drafter names for each position. More are hardly ever worth a position of the pass (docs/log.md,
 * "Siblings", 2026-11-26, and "All thirty blocks, half as wide": five others gain nothing).
 */
const OTHERS = 3;

/** How far the next draft may go. */
interface Plan {
  /** Tokens to make at once; 0 when what is already ahead is enough, or drafting does not pay. */
  readonly max: number;
  /** Alternatives to name for each position. */
  readonly others: number;
  /** The origin does not wait: each token that `saves` is sent as soon as it is made, and then another may be made. */
  readonly streams: boolean;
  readonly more: More;
}

export class Window {
  readonly policy: WindowPolicy;
  readonly history: History;
  #patience: number;
  /** Verdicts of this answer that came while drafting did not pay because too few tokens are kept. */
  #skipped = 0;

  constructor(policy: WindowPolicy, history: History) {
    this.policy = policy;
    this.history = history;
    this.#patience = policy.patience === "auto" ? this.#bestPatience() : policy.patience;
  }

  /** How long the origin is to wait for drafts now, in ms. */
  get patience(): number {
    return this.#patience;
  }

  /** Whether drafting promises more than not drafting. */
  get pays(): boolean {
    const { policy, history } = this;
    if (policy.spare === "passes") return true;
    if (policy.sharedCpu) return false;
    if (this.#patience > 0) return promises([], bestWaiting(history, policy), history, policy);
    return this.#gains(history.meanAcceptance);
  }

  /** Whether the drafter may read the prompt while the target does. */
  get readsAlong(): boolean {
    return this.pays && !this.policy.sharedCpu;
  }

  /**
   * @param ahead draft tokens made already that the target has not decided on yet
   * @param siblings whether the target verifies siblings
   */
  plan(ahead: readonly Likelihood[] = [], siblings = false): Plan {
    const { policy, history } = this;
    if (policy.patience === "auto") this.#patience = this.#bestPatience(this.#patience > 0);
    const streams = this.#patience === 0;
    const left = policy.maxDraft - ahead.length;
    if (streams) {
      const go = left > 0 && (ahead.length > 0 ? this.saves(ahead) : this.pays || this.#explores(true));
      return { max: go ? 1 : 0, others: 0, streams, more: () => false };
    }
    const rate = bestWaiting(history, policy);
    const pass = this.#pass(rate);
    const chain = this.#chain(ahead);
    const worthwhile = ({ confidence }: Likelihood) =>
      mayGrow(chain, pass) &&
      confidence >= policy.fallback &&
      promises(survivalOf(chain), rate, history, policy) &&
      !(siblings && isFull(chain, pass));
    const last = ahead.at(-1);
    const go = last === undefined ? this.pays || this.#explores(false) : worthwhile(last);
    return {
      max: go ? Math.max(0, left) : 0,
      others: siblings ? OTHERS : 0,
      streams,
      more: (token) => {
        chain.push(...this.#chain([token]));
        return worthwhile(token);
      },
    };
  }

  /** Which tokens of a draft, and which alternatives, to send to an origin that waits and verifies siblings. */
  choose(draft: readonly Likelihood[]): Nodes {
    return chooseNodes(this.#chain(draft), this.#pass(bestWaiting(this.history, this.policy)));
  }

  #bestPatience(waitsNow?: boolean): number {
    const { maxDraft, sharedCpu } = this.policy;
    return sharedCpu ? 0 : choosePatience(this.history, maxDraft, waitsNow);
  }

  #chain(draft: readonly Likelihood[]): ChainToken[] {
    return draft.map(({ confidence, others = [] }) => ({ chance: this.history.acceptance(confidence), others }));
  }

  /**
   * A sibling must be worth the time of its position, or `LEAST_SIBLING` where only passes count.
   *
   * @param rate tokens that waiting decides per millisecond
   */
  #pass(rate: number): Pass {
    const { policy, history } = this;
    const { positionMs, targetStepMs } = history.costs;
    const sibling = policy.spare === "passes" ? LEAST_SIBLING : rate * positionMs;
    return { most: policy.maxDraft, sibling, position: targetStepMs > 0 ? positionMs / targetStepMs : 0 };
  }

  /** Whether the last token of a draft saves an origin that streams more time than its position costs. */
  saves(draft: readonly Likelihood[]): boolean {
    const { policy, history } = this;
    if ((draft.at(-1)?.confidence ?? 0) < policy.fallback) return false;
    if (!mayGrow(this.#chain(draft).slice(0, -1), this.#pass(0))) return false;
    if (policy.spare === "passes") return true;
    const survival = survivalOf(this.#chain(draft)).at(-1) ?? 1;
    return survival * history.costs.targetStepMs > history.costs.positionMs;
  }

  /**
   * Whether to draft although it does not pay, to find out whether conditions have changed. If drafts come too late,
   * that lasts from answer to answer: count verdicts over the whole session, and try last. If too few tokens are kept,
   * that may differ from answer to answer: count from the start of each answer, and try first.
   */
  #explores(streams: boolean): boolean {
    if (this.policy.sharedCpu) return false;
    const { tries, of } = streams ? EXPLORE.streams : EXPLORE.waits;
    const inTime = streams && this.#gains(1);
    const verdict = inTime ? this.#skipped++ : this.history.skipped++;
    return (inTime ? verdict : verdict + tries) % of < tries;
  }

  /** Whether drafts of this acceptance rate arrive in time to save an origin that streams some of its passes. */
  #gains(acceptance: number): boolean {
    const { policy, history } = this;
    // Positions are free here: `saves` decides token by token which of them are worth their cost.
    const { tokens, passes } = streamed({ ...history.costs, positionMs: 0 }, acceptance, policy.maxDraft);
    return tokens > LEAST_SAVING * passes;
  }
}
