/**
 * What drafts promise. Let R be the round trip, t a draft step, T(n) a pass over n draft tokens, and S_j the
 * probability that the first j draft tokens since the last wrong one are all right.
 *
 * There is one scheme. After a wrong token the drafter begins anew, and works on until a token is wrong: behind a
 * draft that it has sent, it bets that all of it is kept and on its own guess for the target's next token. Tokens are
 * sent as they are made, so a bet that is won costs no round trip (the drafting ahead of PEARL, arXiv 2408.11850, and
 * SpecEdge, arXiv 2505.17052; here over a distance). Two numbers are open:
 *
 *   first   tokens of the first draft, for which the origin waits R + first·t before its pass; with 0 it never waits,
 *           and decodes on until tokens are there that it has not decided yet. A small one starts the pass early, while
 *           the rest is still being drafted.
 *   ahead   how far the drafter may be ahead of the last verdict; `first` without any bet.
 *
 * From one wrong token to the next everything is arithmetic but whether the drafter is still right, so one walk through
 * the passes gives the expected tokens and milliseconds (a renewal process). The best way has the best quotient. A pass
 * scores as many of the tokens that are there as maximise tokens − λ·ms, λ being the rate in tokens per ms (Dinkelbach
 * 1967): what a position costs is a curve with steps, and the best number often lies at the end of a step.
 */
import type { Costs, History } from "./history.ts";

/** What is known of a session's costs and acceptance. */
export type Seen = Pick<History, "costs" | "acceptanceByDepth">;

/** How the two sides go about it. */
export interface Way {
  readonly first: number;
  readonly ahead: number;
}

/** What is expected between the drafter's start and its next wrong token. */
interface Outlook {
  readonly tokens: number;
  readonly ms: number;
  readonly passes: number;
  /** Draft steps, those included that are thrown away. */
  readonly steps: number;
}

/** The best way, and what it promises. */
export interface Prospect extends Way {
  /** Tokens per ms. */
  readonly rate: number;
  /** The same without drafts. */
  readonly alone: number;
}

/** A stretch ends after so many passes, or when the drafter is this unlikely to be right still. */
const MOST_PASSES = 60;
const LEAST_PROBABILITY = 2e-3;

/**
 * What a millisecond of drafting must spare of waiting: an isolate's processor is shared, and its time is paid for. By
 * judgement.
 */
const STEP_PRICE = 0.03;

/** What drafts must promise, as a multiple of the speed without: less is not worth the drafter's own time. */
const LEAST_GAIN = 1.03;

/** How much faster a way with bets must be than one without, where the origin waits: less is not worth their steps. */
const BET_LEAD = 1.01;

/** Whether a way promises enough to draft at all. */
export const gains = ({ rate, alone }: Prospect): boolean => rate > LEAST_GAIN * alone;

/** Whether an origin is faster that waits, by more than the factor `lead`, than one that never does. */
export const waitingLeads = (waiting: Prospect, not: Prospect, lead = 1): boolean =>
  waiting.rate > lead * Math.max(not.rate, not.alone);

/** Lengths of a first draft that are compared. */
const FIRSTS = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 31];

/** Tokens that a drafter is ahead at most: what is farther is seldom still right (docs/record/log.md, "Drafting ahead"). */
export const MOST_AHEAD = 15;

export const chanceAt = (chances: readonly number[], depth: number): number =>
  chances[Math.min(depth, chances.length - 1)] ?? 0;

/** ms of a pass over so many draft tokens. */
export const passOver = ({ passMs }: Costs, drafted: number): number =>
  Math.max(0.001, passMs[Math.min(drafted, passMs.length - 1)]!);

/**
 * How many of `there` draft tokens a pass best scores: the number that maximises tokens − rate · ms.
 *
 * @param survival S_j, j from 0 on, up to `there` at least
 */
export function bestScored(there: number, survival: ArrayLike<number>, costs: Costs, rate: number): number {
  let best = 0;
  let most = -rate * passOver(costs, 0);
  let tokens = 0;
  for (let j = 1; j <= there; j++) {
    tokens += survival[j]!;
    const value = tokens - rate * passOver(costs, j);
    // The margin keeps rounding from deciding where a position gains nothing.
    if (value > most + 1e-9) {
      best = j;
      most = value;
    }
  }
  return best;
}

/**
 * A loop without objects and closures, for it runs some fifty times whenever a way is chosen.
 *
 * @param rate tokens per ms, for which a pass chooses what it scores
 * @param most draft tokens of a pass at most
 */
export function outlook({ first, ahead }: Way, seen: Seen, rate: number, most: number): Outlook {
  const { costs, acceptanceByDepth } = seen;
  const { roundTripMs } = costs;
  const draftStepMs = Math.max(costs.draftStepMs, 0.001);
  /** When each verdict was sent, and how many tokens were decided by then. */
  const sentAt = [0];
  const decidedBy = [0];
  /** Index of the newest verdict that the drafter had heard when it made what arrives now. */
  let heard = 0;
  /** Probability that no draft token was wrong yet. */
  let right = 1;
  let now = 0;
  let decided = 0;
  let tokens = 0;
  let ms = 0;
  let passes = 0;
  let steps = 0;
  const survival = new Float64Array(most + 2);
  survival[0] = 1;
  while (right > LEAST_PROBABILITY && passes < MOST_PASSES) {
    const since = now - roundTripMs;
    while (heard + 1 < sentAt.length && sentAt[heard + 1]! <= since - draftStepMs) heard++;
    const arrived = Math.min(madeBy(since, draftStepMs), decidedBy[heard]! + ahead);
    let there = (arrived < first ? 0 : arrived) - decided;
    const wanted = first === 0 ? 0 : decided === 0 ? first : 1;
    if (wanted > 0 && there < wanted) {
      // Without a bet the drafter begins anew at each verdict.
      if (decided > 0 && ahead <= first) break;
      const until = Math.max(now, roundTripMs + (decided + wanted) * draftStepMs);
      ms += right * (until - now);
      now = until;
      there = wanted;
    }
    const scorable = Math.min(Math.max(0, there), most);
    for (let j = 0; j <= scorable; j++) survival[j + 1] = survival[j]! * chanceAt(acceptanceByDepth, decided + j);
    const scored = bestScored(scorable, survival, costs, rate);
    for (let j = 0; j <= scored; j++) tokens += right * survival[j]!;
    const step = passOver(costs, scored) * (ahead > first ? costs.hindrance : 1);
    ms += right * step;
    passes += right;
    now += step;
    decided += scored + 1;
    sentAt.push(now);
    decidedBy.push(decided);
    const still = right * survival[scored + 1]!;
    // The drafter hears half a round trip later that it was wrong, having begun half a one late.
    steps += (right - still) * Math.min(madeBy(now, draftStepMs), decidedBy[heard]! + ahead);
    right = still;
  }
  steps += right * Math.min(madeBy(now, draftStepMs), decidedBy[heard]! + ahead);
  return { tokens, ms, passes, steps };
}

/** Whole draft steps within so many ms. */
const madeBy = (ms: number, stepMs: number): number => Math.max(0, Math.floor((ms + 1e-9) / stepMs));

/**
 * The way that decides tokens fastest, draft steps having their price.
 *
 * @param maxDraft draft tokens of a pass at most
 * @param bets false: nothing is drafted behind a draft that the origin has not answered
 * @param waits keeps to ways where the origin waits (true) or never does (false)
 */
export function bestWay({ costs, acceptanceByDepth }: Seen, maxDraft: number, bets = true, waits?: boolean): Prospect {
  const seen = { costs, acceptanceByDepth };
  // An origin that waits in any case learns a round trip later that no draft comes.
  const alone = 1 / (passOver(costs, 0) + (waits === true ? costs.roundTripMs : 0));
  const ways: Way[] = waits === true ? [] : [{ first: 0, ahead: MOST_AHEAD }];
  if (waits !== false) {
    for (const first of FIRSTS) {
      if (first > maxDraft) break;
      ways.push({ first, ahead: first });
      if (bets) ways.push({ first, ahead: Math.max(first + 1, MOST_AHEAD) });
    }
  }
  let best: Prospect = { ...ways[0]!, rate: 0, alone };
  let rate = alone;
  // The rate decides what a pass scores, and that the rate: twice is enough.
  for (let round = 0; round < 2; round++) {
    best = { ...ways[0]!, rate: 0, alone };
    for (const way of ways) {
      const { tokens, ms, steps } = outlook(way, seen, rate, maxDraft);
      const promised = tokens / (ms + STEP_PRICE * costs.draftStepMs * steps);
      const lead = way.first > 0 && way.ahead > way.first && best.ahead === best.first ? BET_LEAD : 1;
      if (promised > lead * best.rate) best = { ...way, rate: promised, alone };
    }
    rate = Math.max(alone, best.rate);
  }
  return best;
}

/**
 * Whether some longer first draft, with further tokens of the acceptance seen so far, promises more than this one.
 *
 * @param survival S_1 … S_K of this draft
 */
export function promises(survival: readonly number[], prospect: Prospect, seen: Seen, maxDraft: number): boolean {
  const { costs, acceptanceByDepth } = seen;
  const { roundTripMs, draftStepMs } = costs;
  const { rate, first, ahead } = prospect;
  let K = survival.length;
  let S = survival.at(-1) ?? 1;
  /** Tokens less the time that they take; a draft that is kept with its bet spares the next one's way and making. */
  const value = (tokens: number) => {
    const spared = ahead > first ? S * chanceAt(acceptanceByDepth, K) * (roundTripMs + draftStepMs) : 0;
    return tokens - rate * (K * draftStepMs + passOver(costs, K) - spared);
  };
  let tokens = 0;
  const stopping = value(tokens);
  while (K < maxDraft) {
    S *= chanceAt(acceptanceByDepth, K);
    K++;
    tokens += S;
    // The margin keeps rounding from deciding where drafting gains nothing.
    if (value(tokens) > stopping + 1e-9) return true;
  }
  return false;
}
