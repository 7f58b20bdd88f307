/**
 * How far to draft. With S_j the probability that the first j draft tokens are all kept, R the round trip, t a draft step,
 * T a target step and v what a further position adds to it, a draft of K tokens gives in one cycle
 *
 *   the origin waits        1 + S_1 + … + S_K tokens              in  R + K·t + T + K·v
 *   it decodes meanwhile    n + 1 + S_{n+1} + … + S_K tokens      in  n·T + T + (K − n)·v,   n = ⌈(R + K·t) / T⌉
 *
 * (in the second case n passes begin before the draft arrives: its first n tokens save nothing, but must be right for the
 * rest to fit).
 * Tokens per millisecond λ is maximised by the K that maximises tokens − λ·ms at the best λ (Dinkelbach 1967), which can
 * be asked token by token: draft one more while some longer draft, at the acceptance this session has seen, promises
 * more than stopping here. A user who pays for target passes rather than time counts passes instead of milliseconds.
 * Where the best draft is none at all, only every eighth is made, to notice when that changes.
 * BiLD's fallback (Kim et al. 2023 §3.2) stops at the first token whose probability is under a fixed threshold.
 */
import type { History } from "./history.ts";
import type { More } from "./types.ts";

export interface WindowPolicy {
  /** Longest draft, at least 1. */ readonly maxDraft: number;
  /** alpha_fallback: draft no further than a token less probable than this; 0 leaves it to the estimate. */
  readonly fallback: number;
  /** How long the origin waits for a draft, ms; "auto": as `choosePatience` says at each draft. */
  readonly patience: number | "auto";
  /** What to spend least of per decided token. */ readonly spare: "time" | "passes";
}

/** Where drafting does not pay, one draft in so many is made all the same. */
const EXPLORE = 8;
/** How much more the other patience must promise before it replaces the one under way. */
const LEAD = 1.03;

/** How far the next draft may go. */
export interface Plan {
  /** Upper bound in tokens; 0 when what is already ahead is enough, or drafting does not pay. */ readonly max: number;
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

  /** @param ahead confidences of draft tokens already sent that the target has not decided on yet */
  plan(ahead: readonly number[] = []): Plan {
    if (this.policy.patience === "auto") {
      this.#patience = choosePatience(this.history, this.policy.maxDraft, this.#patience > 0);
    }
    const aim = this.#aim;
    const rate = bestRate(this.history, aim);
    const survival: number[] = [];
    const push = (confidence: number) => {
      survival.push((survival.at(-1) ?? 1) * this.history.acceptance(confidence));
    };
    const worthwhile = (confidence: number) =>
      survival.length < this.policy.maxDraft &&
      confidence >= this.policy.fallback &&
      promises(survival, rate, this.history, aim);
    for (const confidence of ahead) push(confidence);
    const last = ahead.at(-1);
    const go = last === undefined ? this.#pays(rate) : worthwhile(last);
    return {
      max: go ? Math.max(0, this.policy.maxDraft - ahead.length) : 0,
      more: (confidence) => {
        push(confidence);
        return worthwhile(confidence);
      },
    };
  }

  get #aim(): Aim {
    const { maxDraft, spare } = this.policy;
    return { maxDraft, spare, waits: this.#patience > 0 };
  }

  /** Whether to draft at all. */
  #pays(rate: number): boolean {
    return promises([], rate, this.history, this.#aim) || ++this.#skipped % EXPLORE === 0;
  }
}

/**
 * The patience, in ms, that decides tokens fastest at the costs and acceptance seen so far: 0 (the origin streams, drafts
 * that arrive in time save passes) or long enough for any draft of `maxDraft` tokens to arrive.
 * @param waitsNow where one of both is under way, the other must promise more by a lead, or noise would decide
 */
export function choosePatience(history: History, maxDraft: number, waitsNow?: boolean): number {
  const waiting = bestRate(history, { maxDraft, waits: true, spare: "time" });
  const streaming = bestRate(history, { maxDraft, waits: false, spare: "time" });
  const lead = waitsNow === undefined ? 1 : waitsNow ? 1 / LEAD : LEAD;
  if (waiting <= lead * streaming) return 0;
  const { roundTripMs, draftStepMs } = history.costs;
  return Math.ceil(4 * (roundTripMs + maxDraft * draftStepMs) + 100);
}

/**
 * The round trip, in ms, above which an origin that streams decides sooner than one that waits for drafts: the largest
 * T·(E − 1) − K·(t + v) over draft lengths K, E the tokens that a pass over K expects. Negative: at no distance.
 */
export function breakEvenRoundTrip(history: History, maxDraft: number): number {
  const { draftStepMs, targetStepMs, positionMs } = history.costs;
  const a = history.meanAcceptance;
  let [expected, best] = [1, Number.NEGATIVE_INFINITY];
  for (let K = 1; K <= maxDraft; K++) {
    expected += a ** K;
    best = Math.max(best, targetStepMs * (expected - 1) - K * (draftStepMs + positionMs));
  }
  return best;
}

interface Aim extends Pick<WindowPolicy, "maxDraft" | "spare"> {
  /** Whether the origin waits for drafts. */ readonly waits: boolean;
}

/** Best decided tokens per millisecond (or per pass) over all draft lengths, at the mean acceptance. */
export function bestRate(history: History, aim: Aim): number {
  const survival: number[] = [];
  let best = 0;
  for (let K = 0; K <= aim.maxDraft; K++) {
    if (K > 0) survival.push((survival.at(-1) ?? 1) * history.meanAcceptance);
    const { tokens, spent } = cycle(survival, history, aim);
    best = Math.max(best, tokens / spent);
  }
  return best;
}

/** Whether some draft longer than `survival`, its further tokens of mean acceptance, beats sending this one. */
function promises(survival: readonly number[], rate: number, history: History, aim: Aim): boolean {
  const value = (s: readonly number[]) => {
    const { tokens, spent } = cycle(s, history, aim);
    return tokens - rate * spent;
  };
  const stopping = value(survival);
  const longer = [...survival];
  while (longer.length < aim.maxDraft) {
    longer.push((longer.at(-1) ?? 1) * history.meanAcceptance);
    // The margin keeps rounding from deciding where drafting gains nothing.
    if (value(longer) > stopping + 1e-9) return true;
  }
  return false;
}

/** Expected tokens of one cycle with a draft of survival.length tokens, and what it spends: milliseconds, or passes. */
function cycle(survival: readonly number[], history: History, aim: Aim): { tokens: number; spent: number } {
  const { roundTripMs, draftStepMs, targetStepMs, positionMs } = history.costs;
  const K = survival.length;
  const arrival = roundTripMs + K * draftStepMs;
  const late = aim.waits ? 0 : Math.ceil(arrival / Math.max(targetStepMs, 0.001));
  let tokens = late + 1;
  for (let j = late; j < K; j++) tokens += survival[j]!;
  if (aim.spare === "passes") return { tokens, spent: late + 1 };
  const before = aim.waits ? arrival : late * targetStepMs;
  return { tokens, spent: Math.max(0.001, before + targetStepMs + Math.max(0, K - late) * positionMs) };
}
