/** Rules for the length of a draft, as they are known from papers, and ours. */
import { History } from "../../../src/core/speculate/history.ts";
import type { More } from "../../../src/core/speculate/types.ts";
import { Window } from "../../../src/core/speculate/window.ts";
import type { LengthRule, Round } from "./replay.ts";
import { CHAIN } from "./trace.ts";

/** Drafts of K tokens. */
export class Fixed implements LengthRule {
  readonly #K: number;

  constructor(K: number) {
    this.#K = K;
  }

  more(confidences: readonly number[]): boolean {
    return confidences.length < this.#K;
  }

  learn(): void {}
}

/**
 * Stops as soon as some token of the draft is wrong with a probability over `threshold` (SpecDec++: Huang et al. 2024).
 * The paper trains a head that predicts acceptance; here the drafter's confidence stands for it.
 */
export class Confidence implements LengthRule {
  readonly #threshold: number;

  constructor(threshold: number) {
    this.#threshold = threshold;
  }

  more(confidences: readonly number[]): boolean {
    return 1 - confidences.reduce((product, c) => product * c, 1) <= this.#threshold;
  }

  learn(): void {}
}

/** Sums over the rounds that an arm was pulled in, or observed in. */
interface Arm {
  count: number;
  sum: number;
}

/**
 * A reconstruction of UCB-SpecStop (Sun et al. 2026, arXiv 2606.20591), of which only the abstract and summaries were
 * read: draft lengths are the arms of a bandit, and the arm with the least optimistic cost per token is pulled. What it
 * has beyond a plain bandit follows the abstract: the lengths' acceptance is empirical, not geometric, and a draft of K
 * also shows what each shorter one would have brought; costs are kept apart by the state of the channel.
 *
 *   arm = argmin_k (mean cost − w·spread) / (mean tokens + w·(k + 1)),   w = width · sqrt(ln rounds / pulls of k)
 */
export class UcbSpecStop implements LengthRule {
  readonly #width: number;
  /** By length. */
  readonly #tokens = arms();
  /** By state of the channel, then by length. */
  readonly #costs = new Map<number, Arm[]>();
  #rounds = 0;
  #state = 0;
  #arm = 0;

  /** @param width of the confidence intervals; 0 is greedy */
  constructor(width: number) {
    this.#width = width;
  }

  more(confidences: readonly number[]): boolean {
    if (confidences.length === 0) this.#arm = this.choose();
    return confidences.length < this.#arm;
  }

  /** The length to draft now. Each is tried once in each state before any is compared, the longest first. */
  choose(): number {
    const costs = this.#costs.get(this.#state) ?? arms();
    let best = CHAIN;
    let least = Number.POSITIVE_INFINITY;
    for (let k = CHAIN; k >= 1; k--) {
      const { count, sum } = costs[k]!;
      if (count === 0) return k;
      const tokens = this.#tokens[k]!;
      const w = (pulls: number) => this.#width * Math.sqrt(Math.log(this.#rounds) / pulls);
      const cost = (sum / count) * Math.max(0, 1 - w(count));
      const index = cost / (tokens.sum / tokens.count + w(tokens.count) * (k + 1));
      if (index >= least) continue;
      least = index;
      best = k;
    }
    return best;
  }

  learn({ confidences, kept, roundTripMs, draftStepMs, passMs }: Round): void {
    const K = confidences.length;
    const costs = this.#costs.get(this.#state) ?? arms();
    this.#costs.set(this.#state, costs);
    if (roundTripMs === undefined) return;
    observe(costs[K]!, roundTripMs + K * draftStepMs + passMs);
    for (let k = 1; k <= K; k++) observe(this.#tokens[k]!, Math.min(k, kept) + 1);
    this.#rounds++;
    // The channel as the last round found it, in factors of two.
    this.#state = Math.round(Math.log2(1 + roundTripMs));
  }
}

const arms = (): Arm[] => Array.from({ length: CHAIN + 1 }, () => ({ count: 0, sum: 0 }));

function observe(arm: Arm, value: number): void {
  arm.count++;
  arm.sum += value;
}

/** How much faster waiting must be than an origin that goes on by itself: what the window asks of it. */
const LEAST_GAIN = 1.03;

/**
 * The service's own window in front of an origin that waits, a new one for each answer; what it learns lasts. The
 * Session has seen nothing yet.
 */
export class OurWindow implements LengthRule {
  readonly #history = new History();
  #window = this.#fresh();
  #more: More = () => false;

  begin(): void {
    this.#window = this.#fresh();
  }

  more(confidences: readonly number[]): boolean {
    const last = confidences.at(-1);
    if (last !== undefined) return this.#more({ confidence: last });
    const { max, more } = this.#window.plan();
    this.#more = more;
    return max > 0;
  }

  /** Where waiting promises less than going on by itself, as a window with patience "auto" decides. */
  tries(): boolean {
    const { prospect, history } = this.#window;
    return prospect.rate * history.costs.passMs[0]! < LEAST_GAIN;
  }

  sends(confidences: readonly number[]): number {
    return this.#window.choose(confidences.map((confidence) => ({ confidence }))).length;
  }

  learn({ confidences, kept, drafted, late, roundTripMs, draftStepMs, passMs }: Round): void {
    const history = this.#history;
    for (const [i, confidence] of confidences.slice(0, kept + 1).entries()) history.outcome(confidence, i < kept, i);
    if (roundTripMs !== undefined) history.arrived(drafted, roundTripMs + drafted * draftStepMs);
    history.stepped(late ? 0 : confidences.length, passMs);
  }

  #fresh(): Window {
    return new Window(
      { maxDraft: CHAIN, fallback: 0, patience: Number.MAX_SAFE_INTEGER, spare: "time", bets: false },
      this.#history,
    );
  }
}
