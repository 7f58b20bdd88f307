/**
 * What drafts promise. Let S_j be the probability that the first j draft tokens are all kept, R the round trip, t a
 * draft step, T a target step and v what a further position adds to it.
 *
 * An origin that waits decides 1 + S_1 + … + S_K tokens of a draft of K in R + K·t + T + K·v. The best rate λ, in
 * tokens per millisecond, is that of the K which maximises tokens − λ·ms (Dinkelbach 1967). That can be asked token by
 * token: draft one more while some longer draft, at the acceptance rate of this session, promises more than stopping
 * here. A user who pays for target passes rather than time counts passes instead of milliseconds.
 *
 * An origin that streams never loses time to a draft. Each token is sent as soon as it is made, and the drafter works
 * on until a token is wrong. The j-th token made since then arrives after R + j·t, when the origin has decided ⌊(R +
 * j·t) / T⌋ tokens by itself; the next pass scores what is further ahead than that. A kept token saves T and costs v,
 * so drafting pays as long as S_j·T > v.
 */
import type { Costs, History } from "./history.ts";

/** What is known of a session's costs and acceptance. */
type Seen = Pick<History, "costs" | "meanAcceptance">;

interface Aim {
  /** Longest draft, at least 1. */
  readonly maxDraft: number;
  /** What to spend least of per decided token. */
  readonly spare: "time" | "passes";
}

/** A simulated stretch ends after so many passes, or when the drafter is this unlikely to be right still. */
const MOST_PASSES = 200;
const LEAST_PROBABILITY = 1e-3;

/**
 * What an origin that streams is expected to decide between the drafter's start and its next wrong token. The drafter
 * is at most `maxDraft` tokens ahead of the last verdict that it has seen.
 */
export function streamed(
  { roundTripMs, draftStepMs, targetStepMs, positionMs }: Costs,
  acceptance: number,
  maxDraft: number,
): { readonly tokens: number; readonly ms: number; readonly passes: number } {
  const step = Math.max(targetStepMs, 0.001);
  /** When each verdict was sent, and how many tokens were decided by then. */
  const verdicts = [{ at: 0, decided: 0 }];
  /** Index of the newest verdict that the drafter had seen when it made what arrives now. */
  let seen = 0;
  /** Probability that no draft token was wrong yet. */
  let right = 1;
  let now = 0;
  let decided = 0;
  let tokens = 0;
  let ms = 0;
  let passes = 0;
  while (right > LEAST_PROBABILITY && verdicts.length < MOST_PASSES) {
    while (seen + 1 < verdicts.length && verdicts[seen + 1]!.at <= now - roundTripMs - draftStepMs) seen++;
    const made = draftStepMs > 0 ? Math.floor((now - roundTripMs) / draftStepMs) : now < roundTripMs ? 0 : Infinity;
    const arrived = Math.min(made, verdicts[seen]!.decided + maxDraft);
    let K = 0;
    while (K < arrived - decided && acceptance ** (K + 1) * step > positionMs) K++;
    tokens += right * sumOfPowers(acceptance, K);
    ms += right * (step + K * positionMs);
    passes += right;
    now += step + K * positionMs;
    decided += K + 1;
    right *= acceptance ** (K + 1);
    verdicts.push({ at: now, decided });
  }
  return { tokens, ms, passes };
}

/** 1 + a + … + a^K: expected tokens of a pass over K tokens of acceptance a (Leviathan, Kalman, Matias 2023, §3.1). */
function sumOfPowers(a: number, K: number): number {
  let sum = 1;
  let power = 1;
  for (let j = 1; j <= K; j++) {
    power *= a;
    sum += power;
  }
  return sum;
}

/**
 * Best decided tokens per millisecond (or per pass) of an origin that waits, over all draft lengths, at the mean
 * acceptance.
 */
export function bestWaiting(seen: Seen, aim: Aim): number {
  const survival: number[] = [];
  let best = 0;
  for (let K = 0; K <= aim.maxDraft; K++) {
    if (K > 0) survival.push((survival.at(-1) ?? 1) * seen.meanAcceptance);
    const { tokens, spent } = cycle(survival, seen, aim);
    best = Math.max(best, tokens / spent);
  }
  return best;
}

/**
 * Whether some longer draft, with further tokens of mean acceptance, promises more than this one.
 *
 * @param survival S_1 … S_K of this draft
 * @param rate as `bestWaiting` returns it
 */
export function promises(survival: readonly number[], rate: number, seen: Seen, aim: Aim): boolean {
  const value = (s: readonly number[]) => {
    const { tokens, spent } = cycle(s, seen, aim);
    return tokens - rate * spent;
  };
  const stopping = value(survival);
  const longer = [...survival];
  while (longer.length < aim.maxDraft) {
    longer.push((longer.at(-1) ?? 1) * seen.meanAcceptance);
    // The margin keeps rounding from deciding where drafting gains nothing.
    if (value(longer) > stopping + 1e-9) return true;
  }
  return false;
}

/** Expected tokens of one wait for a draft of K tokens, and the milliseconds or passes that it takes. */
function cycle(survival: readonly number[], { costs }: Seen, { spare }: Aim): { tokens: number; spent: number } {
  const { roundTripMs, draftStepMs, targetStepMs, positionMs } = costs;
  const tokens = survival.reduce((sum, S) => sum + S, 1);
  if (spare === "passes") return { tokens, spent: 1 };
  const spent = roundTripMs + targetStepMs + survival.length * (draftStepMs + positionMs);
  return { tokens, spent: Math.max(0.001, spent) };
}
