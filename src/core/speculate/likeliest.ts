/**
 * The target's token at a position from its likeliest tokens alone, for engines that do not return the whole
 * distribution. The result is the token that `chooseToken` would draw from all logits, or null where more than one
 * token is still possible.
 *
 * The N likeliest tokens are known, with x = (logit − largest) / temperature. Every other token has x ≤ x_N.
 *
 *   top_k   certain while k < N, or where x_N lies below the k-th x; with k = N unless an unknown token that is as
 *           likely as the k-th could win
 *   top_p   the probability of the unknown tokens is bounded from both sides, so the threshold is too
 *   min_p   certain where its threshold lies above x_N
 *   none    an unknown token may still win by its noise; the noise is known, so that can be ruled out. Where the loud
 *           tokens are known too (`loud.ts`), nearly always
 */
import { gumbel, gumbelCeiling, noiseBits, noiseKey } from "../model/noise.ts";
import { UNTOLD } from "./sample.ts";
import type { Shape } from "./shaping.ts";
import type { Sampling, TokenLogprob } from "./types.ts";

/** What an engine returns of the distribution after a position. */
export interface Likeliest {
  /** N different ids, most likely first. */
  readonly ids: readonly number[];
  /** Their logits, falling, on any common offset: logarithms of probability are logits too. */
  readonly logits: readonly number[];
  /** ln Σ exp(logit) over the whole vocabulary on that offset: 0 for logarithms of probability. */
  readonly logTotal: number;
  /** No unknown token has a larger logit; absent: that of the last known one. */
  readonly most?: number;
  /** No unknown token's logit + temperature · noise exceeds it; absent: nothing is known of that. */
  readonly bound?: number;
  /** Where logits were changed: whether an unknown token may come. What they weigh is then only known from above. */
  possible?(id: number): boolean;
}

/**
 * The likeliest tokens after a change of their logits; null where an unknown token may have risen. Repetition is no
 * such change, since it depends on where the logits' zero lies.
 *
 * @param V size of the vocabulary
 */
export function shaped(known: Likeliest, V: number, shape: Shape): Likeliest | null {
  if (shape.isNone) return known;
  const { ids, logits } = known;
  const given = new Map(ids.map((id, n) => [id, logits[n]!] as const));
  const all = ids.length >= V;
  const last = known.most ?? logits.at(-1) ?? Number.POSITIVE_INFINITY;
  // The change rises with the logit, so no unknown token exceeds what it would be at the bound.
  const risen = (id: number) => !given.has(id) && shape.logit(id, last) > last;
  if (!all && [...shape.ids].some(risen)) return null;
  const changed = [...given]
    .map(([id, logit]) => [id, shape.logit(id, logit)] as const)
    .filter(([, logit]) => logit > Number.NEGATIVE_INFINITY)
    .toSorted(([, a], [, b]) => b - a);
  const sum = (values: Iterable<number>) => [...values].reduce((total, logit) => total + Math.exp(logit), 0);
  const rest = all ? 0 : Math.max(0, Math.exp(known.logTotal) - sum(logits));
  return {
    ids: changed.map(([id]) => id),
    logits: changed.map(([, logit]) => logit),
    logTotal: Math.log(sum(changed.map(([, logit]) => logit)) + rest),
    most: all ? Number.NEGATIVE_INFINITY : last,
    // An unknown token that was raised still has no more than `last`, from which the bound comes.
    ...(known.bound !== undefined && { bound: known.bound }),
    possible: (id) => !given.has(id) && shape.logit(id, last) > Number.NEGATIVE_INFINITY,
  };
}

/**
 * With the loud tokens, whose logits were asked for by id.
 *
 * @param loud of all tokens whose noise exceeds `level`
 */
export function withLoud(
  known: Likeliest,
  loud: ReadonlyMap<number, number>,
  level: number,
  temperature: number,
): Likeliest {
  const most = known.logits.at(-1) ?? Number.POSITIVE_INFINITY;
  return { ...withMore(known, loud), most, bound: most + temperature * level };
}

/** With tokens that are not among the likeliest. */
export function withMore(known: Likeliest, more: ReadonlyMap<number, number>): Likeliest {
  const all = new Map([...known.ids.map((id, n) => [id, known.logits[n]!] as const), ...more]);
  const sorted = [...all].toSorted(([, a], [, b]) => b - a);
  return { ...known, ids: sorted.map(([id]) => id), logits: sorted.map(([, logit]) => logit) };
}

/** What is told of a decided token, from logarithms of probability. */
export function toldOf({ ids, logits, logTotal }: Likeliest, token: number, count: number): TokenLogprob {
  const at = ids.indexOf(token);
  const top = ids.slice(0, count).map((id, n) => [id, logits[n]! - logTotal] as const);
  return { logprob: at < 0 ? UNTOLD : logits[at]! - logTotal, top };
}

/**
 * How many of the likeliest tokens to request, so that `chooseAmong` can answer.
 *
 * @param most the largest number to request; also the answer where the sampling does not tell how many tokens it keeps.
 *   Without a filter any token may win by its noise, and the loud ones are requested beside these.
 */
export function likeliestNeeded({ temperature, topK }: Sampling, most: number): number {
  // Two of them show a tie.
  if (temperature === 0) return 2;
  return topK > 0 && topK < most ? topK + 1 : most;
}

/**
 * The target's own token, or null where `known` does not determine it.
 *
 * @param V size of the vocabulary
 */
export function chooseAmong(known: Likeliest, V: number, sampling: Sampling, position: number): number | null {
  const { ids, logits } = known;
  const top = logits[0];
  if (top === undefined) return null;
  if (known.most !== undefined && top <= known.most && ids.length < V) return null;
  // Of equals the lowest id. A tie that goes on beyond what is known cannot be seen.
  if (sampling.temperature === 0) return Math.min(...ids.filter((_, n) => logits[n] === top));
  const x = logits.map((logit) => (logit - top) / sampling.temperature);
  const most = ids.length >= V ? Number.NEGATIVE_INFINITY : (known.most ?? logits.at(-1)!);
  const least = (most - top) / sampling.temperature;
  const threshold = thresholdOf(known, x, least, V, sampling);
  if (threshold === null) return null;

  const key = noiseKey(sampling.seed, position);
  let winner = { id: -1, x: 0, score: Number.NEGATIVE_INFINITY };
  for (const [n, id] of ids.entries()) {
    if (x[n]! < threshold.low) continue;
    const score = x[n]! + gumbel(noiseBits(key, id));
    // Of equal scores the lowest id, as when all are looked at in order.
    if (score > winner.score || (score === winner.score && id < winner.id)) winner = { id, x: x[n]!, score };
  }
  // The filters may have dropped the winner.
  if (winner.x < threshold.high) return null;
  // The filters have dropped all unknown tokens.
  if (threshold.low > least) return winner.id;
  // Unknown tokens may have been kept. The winner is certain if even x = least does not let any of them win.
  if (known.bound !== undefined && (known.bound - top) / sampling.temperature < winner.score) return winner.id;
  const among = new Set(ids);
  const possible = known.possible ?? ((id: number) => !among.has(id));
  for (let id = 0; id < V; id++) {
    const bits = noiseBits(key, id);
    if (least + gumbelCeiling(bits) < winner.score || !possible(id)) continue;
    if (least + gumbel(bits) >= winner.score) return null;
  }
  return winner.id;
}

interface Bounds {
  readonly low: number;
  readonly high: number;
}

const NO_MASS: Bounds = { low: 0, high: 0 };

/**
 * Bounds of the threshold θ, where the filters keep the tokens with x ≥ θ; −Infinity where they keep all. Null where
 * the k-th largest x itself is unknown.
 *
 * @param x of the known tokens, falling
 * @param least upper bound of x for unknown tokens
 */
function thresholdOf(
  known: Likeliest,
  x: readonly number[],
  least: number,
  V: number,
  { topK, topP, minP, temperature }: Sampling,
): Bounds | null {
  let low = Number.NEGATIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  const allKnown = least === Number.NEGATIVE_INFINITY;
  // Of tokens that were forbidden fewer than k may be left.
  if (topK > 0 && topK < V && !(allKnown && x.length < topK)) {
    const last = x[topK - 1];
    if (last === undefined || last < least) return null;
    low = last;
    high = last;
  }
  // Tokens as likely as the k-th stay, and there may be unknown ones among them.
  const onlyTied = low === least;
  if (topP < 1) {
    const kept = x.filter((value) => value >= low);
    const held = kept.reduce((sum, value) => sum + Math.exp(value), 0);
    const complete = allKnown || low > least;
    const outside = complete ? NO_MASS : massOutside(known, V - x.length, least, 1 / temperature);
    const rest = onlyTied ? { ...outside, low: 0 } : outside;
    // The more mass lies outside, the lower the threshold. Below `least`, unknown tokens may lie above known ones.
    high = Math.max(firstReaching(kept, topP * (held + rest.low)) ?? least, complete ? low : least);
    low = firstReaching(kept, topP * (held + rest.high)) ?? low;
  }
  const minimum = minP > 0 ? Math.log(minP) : Number.NEGATIVE_INFINITY;
  return { low: Math.max(low, minimum), high: Math.max(high, minimum) };
}

/** The x at which the sum of exp(x), from the largest on, reaches `goal`; null when all of them do not. */
function firstReaching(x: readonly number[], goal: number): number | null {
  let sum = 0;
  for (const value of x) {
    sum += Math.exp(value);
    if (sum >= goal) return value;
  }
  return null;
}

/**
 * Bounds of Σ exp(x) over the `count` unknown tokens, none above `least`. At temperature 1 their weight w, the sum of
 * exp(y) with y = logit − largest, is what the known tokens leave of the total. With s = 1 / temperature and all y ≤ Y,
 * the sum of exp(s·y) lies between two values: count · (w / count)^s if all are equal (Jensen), and w · exp((s − 1) ·
 * Y) if as many as make up w lie at Y. Which of the two is larger depends on whether s exceeds 1.
 */
function massOutside({ logits, logTotal, possible }: Likeliest, count: number, least: number, s: number): Bounds {
  const top = logits[0]!;
  const weight = logits.reduce((left, logit) => left - Math.exp(logit - top), Math.exp(logTotal - top));
  // Rounding of logarithms of probability, in both directions.
  const slack = 1e-5 * Math.exp(logTotal - top);
  const bounds = [weight - slack, weight + slack].flatMap((w) => {
    if (w <= 0) return [0];
    return [count * (w / count) ** s, w * Math.exp((s - 1) * (least / s))];
  });
  return { low: possible ? 0 : Math.min(...bounds), high: Math.max(...bounds) };
}
