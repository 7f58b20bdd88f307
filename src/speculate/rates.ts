/**
 * What drafts promise. With S_j the probability that the first j draft tokens are all kept, R the round trip, t a draft
 * step, T a target step and v what a further position adds to it:
 *
 * An origin that waits decides 1 + S_1 + … + S_K tokens of a draft of K in R + K·t + T + K·v. Tokens per millisecond λ
 * is maximised by the K that maximises tokens − λ·ms at the best λ (Dinkelbach 1967), which can be asked token by
 * token: draft one more while some longer draft, at the acceptance this session has seen, promises more than stopping
 * here. A user who pays for target passes rather than time counts passes instead of milliseconds.
 *
 * An origin that decodes on never loses time to a draft. Each token is sent as it is made, and the drafter stays on its
 * way until a token is wrong: the j-th made since then arrives after R + j·t, when the origin has decided ⌊(R + j·t) /
 * T⌋ by itself, and what is further ahead than that is judged with the next pass. A token that is kept saves T and
 * costs v, so drafting is worth its while as long as S_j·T > v.
 */
import type { Costs, History } from "./history.ts";

/** What a window knows of a session's ways, and what it is after. */
export type Seen = Pick<History, "costs" | "meanAcceptance">;
export interface Aim {
  /** Longest draft, at least 1. */
  readonly maxDraft: number;
  /** What to spend least of per decided token. */
  readonly spare: "time" | "passes";
}

/**
 * What an origin that decodes on is expected to decide, from where the drafter starts anew to where it next goes wrong.
 * The drafter is at most `maxDraft` tokens ahead of the last verdict that it has seen.
 */
export function streamed(
  { roundTripMs, draftStepMs, targetStepMs, positionMs }: Costs,
  acceptance: number,
  maxDraft: number,
): { readonly tokens: number; readonly ms: number; readonly passes: number } {
  const step = Math.max(targetStepMs, 0.001);
  const seen = [{ at: 0, decided: 0 }];
  let [right, decided, now, oldest] = [1, 0, 0, 0];
  let [tokens, ms, passes] = [0, 0, 0];
  while (right > 1e-3 && seen.length < 200) {
    while (oldest + 1 < seen.length && seen[oldest + 1]!.at <= now - roundTripMs - draftStepMs) oldest++;
    const made = draftStepMs > 0 ? Math.floor((now - roundTripMs) / draftStepMs) : now < roundTripMs ? 0 : Infinity;
    const arrived = Math.min(made, seen[oldest]!.decided + maxDraft);
    let K = 0;
    while (K < arrived - decided && acceptance ** (K + 1) * step > positionMs) K++;
    tokens += right * sumOfPowers(acceptance, K);
    ms += right * (step + K * positionMs);
    passes += right;
    now += step + K * positionMs;
    decided += K + 1;
    right *= acceptance ** (K + 1);
    seen.push({ at: now, decided });
  }
  return { tokens, ms, passes };
}

/**
 * 1 + a + … + a^K: what a pass over K tokens of acceptance a is expected to decide (Leviathan, Kalman, Matias 2023,
 * §3.1).
 */
function sumOfPowers(a: number, K: number): number {
  let [sum, power] = [1, 1];
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

/** Whether some draft longer than `survival`, its further tokens of mean acceptance, beats sending this one. */
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

/** Expected tokens of one wait for a draft of survival.length tokens, and what it spends: milliseconds, or passes. */
function cycle(survival: readonly number[], { costs }: Seen, { spare }: Aim): { tokens: number; spent: number } {
  const { roundTripMs, draftStepMs, targetStepMs, positionMs } = costs;
  const tokens = survival.reduce((sum, S) => sum + S, 1);
  if (spare === "passes") return { tokens, spent: 1 };
  const spent = roundTripMs + targetStepMs + survival.length * (draftStepMs + positionMs);
  return { tokens, spent: Math.max(0.001, spent) };
}
