/**
 * How far to draft, and whether the origin waits for it: what decides tokens fastest at the costs and the acceptance
 * seen so far (rates.ts has the sums), or what spares most passes. Where drafting gains nothing it is tried now and
 * then, to notice when that changes. BiLD's fallback (Kim et al. 2023 §3.2) stops at the first token whose probability
 * is under a fixed threshold.
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
import { PATIENCE_FOR_PASSES, patienceFor } from "./patience.ts";
import { bestScored, bestWay, chanceAt, gains, MOST_AHEAD, type Prospect, promises, waitingLeads } from "./rates.ts";
import { Tries } from "./tries.ts";
import type { Likelihood, More } from "./types.ts";

export interface WindowPolicy {
  /** Most draft tokens that one pass scores, siblings included, at least 1. */
  readonly maxDraft: number;
  /** Most positions of a draft, however many siblings they have; absent: `maxDraft`. */
  readonly maxPositions?: number | undefined;
  /**
   * alpha_fallback: draft no further than a token less probable than this; 0 leaves it to the estimate. Absent:
   * LEAST_CONFIDENCE where passes are spared, else 0.
   */
  readonly fallback?: number | undefined;
  /** How long the origin waits for a draft, in ms; "auto": as long as is best, chosen anew for each pass. */
  readonly patience: number | "auto";
  /**
   * What to spend least of per decided token; "auto": time, and the origin never waits while it has many generations.
   * Sequences that wait for drafts of their own miss each other's passes, and a GPU that could batch them runs more
   * passes for fewer tokens (docs/record/log.md, "Many clients at one emulated GPU").
   */
  readonly spare: "time" | "passes" | "auto";
  /** False: nothing is drafted behind a draft that an origin has waited for and not answered yet. */
  readonly bets?: boolean;
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
 * (docs/record/log.md, "When to stop drafting if only passes count", 2026-11-25). A confidence is compared, so the value does
 * not depend on the pair's speed.
 */
export const LEAST_CONFIDENCE = 0.1;

/** A policy but for its patience, where passes count and time does not. */
export const fewestPasses = (maxDraft: number) => ({ maxDraft, spare: "passes" }) as const;

/** Load of the origin from which passes are spared, and below which time is again. By judgement. */
const BUSY = { from: 0.75, until: 0.5 } as const;

/**
 * Where nothing is drafted behind a draft, every so many drafts go on for some tokens more: drafts of one length alone
 * tell neither the way from the step nor what longer ones would bring.
 */
const STRETCH = { every: 12, by: 2 } as const;

/** How much faster waiting or not waiting must be to replace the other, so that noise does not decide. */
const LEAD = 1.03;
/** The acceptance that another answer may have, when it is asked whether drafting could pay at all. */
const GOOD_ACCEPTANCE = 0.9;
/** Draft tokens that are made and not decided at most: as many as a draft on the wire takes. */
const MOST_MADE = 31;
/** The chance that all draft tokens are right, below which no further one is made; more where they are many. */
const LEAST_SURVIVAL = 0.05;
const LEAST_FAR = 0.5;
/** Things learned after which the best way is chosen anew: a quarter of what was known, within these. */
const CHOOSE_AFTER = { least: 1, most: 24 } as const;
const chosenFor = (known: number): number => Math.max(CHOOSE_AFTER.least, Math.min(CHOOSE_AFTER.most, known >> 2));

/**
 * Alternatives that a drafter names for each position. More are hardly ever worth a position of the pass (docs/record/log.md,
 * "Siblings", 2026-11-26, and "All thirty blocks, half as wide": five others gain nothing).
 */
const OTHERS = 3;

/** How far the next draft may go. */
interface Plan {
  /** Tokens to make at once; 0 when what is already ahead is enough, or drafting does not pay. */
  readonly max: number;
  /** Alternatives to name for each position. */
  readonly others: number;
  /** Tokens are sent as they are made, rather than once all are made for which `more` asks. */
  readonly each: boolean;
  readonly more: More;
}

/** A draft token that the target has not decided on. */
export interface Made extends Likelihood {
  /** Whether it was sent to the origin. */
  readonly sent: boolean;
}

export class Window {
  readonly policy: WindowPolicy;
  readonly history: History;
  #busy = false;
  #drafts = 0;
  #prospect: Prospect | undefined;
  #version = -1;
  /** Whether drafts of a good acceptance would pay; undefined until asked for. */
  #hopeful: boolean | undefined;
  readonly #tries: Tries;

  constructor(policy: WindowPolicy, history: History) {
    this.policy = policy;
    this.history = history;
    this.#tries = new Tries(history.idle);
  }

  /** What to spend least of. */
  get spare(): "time" | "passes" {
    return this.policy.spare === "passes" ? "passes" : "time";
  }

  /** With "auto", whether the origin has so many generations that none should wait for its drafter. */
  get #crowded(): boolean {
    const { load } = this.history;
    this.#busy = this.policy.spare === "auto" && load >= (this.#busy ? BUSY.until : BUSY.from);
    return this.#busy;
  }

  /** How long the origin is to wait for drafts now, in ms. */
  get patience(): number {
    const { patience } = this.policy;
    if (patience !== "auto") return patience;
    if (this.spare === "passes") return PATIENCE_FOR_PASSES;
    if (this.#crowded) return 0;
    return this.pays ? patienceFor(this.prospect, this.history.costs) : 0;
  }

  /** Whether drafting promises more than not drafting. */
  get pays(): boolean {
    return this.spare === "passes" || (!this.policy.sharedCpu && gains(this.prospect));
  }

  /** Whether the drafter may read the prompt while the target does. */
  get readsAlong(): boolean {
    return this.pays && !this.policy.sharedCpu;
  }

  /** The way that is taken, and what it promises. */
  get prospect(): Prospect {
    const { policy, history } = this;
    const { version } = history;
    if (this.#prospect && version - this.#version < chosenFor(this.#version)) return this.#prospect;
    const { maxDraft, bets, patience } = policy;
    const best = (waits: boolean) => bestWay(history, maxDraft, bets, waits);
    let chosen: Prospect;
    if (patience !== "auto") chosen = best(patience > 0);
    else if (this.spare === "passes") chosen = best(true);
    else if (this.#crowded) chosen = best(false);
    else {
      const [waiting, not] = [best(true), best(false)];
      const lead = !this.#prospect ? 1 : this.#prospect.first > 0 ? 1 / LEAD : LEAD;
      chosen = waitingLeads(waiting, not, lead) ? waiting : not;
    }
    this.#prospect = chosen;
    this.#hopeful = undefined;
    this.#version = version;
    return chosen;
  }

  /**
   * @param made draft tokens that the target has not decided on yet; those that were sent come first
   * @param siblings whether the target verifies siblings
   */
  plan(made: readonly Made[] = [], siblings = false): Plan {
    const { policy } = this;
    const sent = made.filter((token) => token.sent).length;
    const each = this.patience === 0 || (this.spare === "time" && sent > 0);
    const others = siblings && !each && this.patience > 0 ? OTHERS : 0;
    const nothing = { max: 0, others, each, more: () => false };
    const chain = this.#chain(made);
    if (made.length === 0) {
      if (this.pays) this.#tries.paid();
      else if (!this.#explores()) return nothing;
    }
    if (sent > 0 && !this.#bets(made)) return nothing;
    if (each) return this.#reaches(made) ? { ...nothing, max: 1 } : nothing;
    // Behind a draft that was sent, the first token is a guess of the target's own, and then a draft begins as ever.
    const before = sent === 0 ? 0 : sent + 1;
    const pass = this.#pass();
    const worthwhile = ({ confidence }: Likelihood): boolean => {
      const draft = chain.slice(before);
      if (draft.length === 0) return chain.length < MOST_MADE;
      return (
        chain.length < MOST_MADE &&
        mayGrow(draft, pass) &&
        confidence >= this.#fallback &&
        this.#promises(survivalOf(draft)) &&
        !(siblings && isFull(draft, pass))
      );
    };
    const last = made.at(-1);
    if (last && !worthwhile(last)) return nothing;
    const longest = Math.min(policy.maxDraft, policy.maxPositions ?? policy.maxDraft);
    const max = Math.min(MOST_MADE - made.length, before + longest - made.length);
    const alone = this.spare === "time" && !this.#betting && ++this.#drafts % STRETCH.every === 0;
    let further = alone ? STRETCH.by : 0;
    return {
      ...nothing,
      max,
      more: (token) => {
        chain.push(...this.#chain([token]));
        return worthwhile(token) || (chain.length < max && further-- > 0);
      },
    };
  }

  /** Which tokens of a draft, and which alternatives, to send to an origin that waits and verifies siblings. */
  choose(draft: readonly Likelihood[]): Nodes {
    return chooseNodes(this.#chain(draft), this.#pass());
  }

  /** How many of these draft tokens, and of those that may still follow, one pass best scores. */
  scored(draft: readonly Likelihood[]): number {
    const { policy, history } = this;
    if (this.spare === "passes") return policy.maxDraft;
    const survival = [1, ...survivalOf(this.#chain(draft))];
    const chances = history.acceptanceByDepth;
    for (let i = survival.length; i <= policy.maxDraft; i++) survival.push(survival[i - 1]! * chanceAt(chances, i - 1));
    return bestScored(policy.maxDraft, survival, history.costs, this.#rate);
  }

  get #fallback(): number {
    return this.policy.fallback ?? (this.spare === "passes" ? LEAST_CONFIDENCE : 0);
  }

  get #rate(): number {
    return Math.max(this.prospect.rate, this.prospect.alone);
  }

  #promises(survival: readonly number[]): boolean {
    const { policy, history } = this;
    if (this.spare === "passes") return survival.length < policy.maxDraft;
    return promises(survival, this.prospect, history, policy.maxDraft);
  }

  /** Whether to draft on behind tokens that were sent. */
  #bets(made: readonly Made[]): boolean {
    return this.#betting && this.#reaches(made);
  }

  /** Whether drafts may be made behind others at all. */
  get #betting(): boolean {
    const { policy, prospect } = this;
    if ((policy.bets === false || policy.sharedCpu) && this.patience > 0) return false;
    return prospect.first === 0 || prospect.ahead > prospect.first;
  }

  /** Whether one more token may be made behind these. */
  #reaches(made: readonly Made[]): boolean {
    const last = made.at(-1);
    if (!last) return true;
    if (made.length >= MOST_MADE || last.confidence < this.#fallback) return false;
    const survival = survivalOf(this.#chain(made)).at(-1)!;
    return survival >= LEAST_SURVIVAL && (made.length < MOST_AHEAD || survival >= LEAST_FAR);
  }

  #chain(draft: readonly Likelihood[]): ChainToken[] {
    return draft.map(({ confidence, others = [] }) => ({ chance: this.history.acceptance(confidence), others }));
  }

  /** What a pass takes: a sibling must be worth its position's time, or `LEAST_SIBLING` where only passes count. */
  #pass(): Pass {
    const { policy, history } = this;
    const { costs } = history;
    if (this.spare === "passes") return { most: policy.maxDraft, sibling: LEAST_SIBLING };
    return { most: policy.maxDraft, sibling: 0, time: { costs, rate: this.#rate } };
  }

  /** Whether to draft although it does not pay, to find out whether conditions have changed. */
  #explores(): boolean {
    const { policy, history } = this;
    if (policy.sharedCpu) return false;
    const good = { costs: history.costs, acceptanceByDepth: [GOOD_ACCEPTANCE] };
    this.#hopeful ??= gains(bestWay(good, policy.maxDraft, policy.bets, false));
    return this.#tries.due(this.#hopeful);
  }
}
