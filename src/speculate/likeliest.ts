/**
 * The target's token at a position from the likeliest tokens alone, for engines that do not tell the whole
 * distribution. It is the token that `chooseToken` would draw from all logits, or null where what is known leaves more
 * than one possible.
 *
 *   x = (logit − largest) / temperature of the N tokens known; every other token has x ≤ x_N
 *   top_k   known while k < N, or where x_N lies below the k-th
 *   top_p   the unknown tokens hold between two bounds of probability; who wins must be kept at both thresholds
 *   min_p   known where its floor lies above x_N
 *   else    a token outside may still win by its noise, which is known: it must not
 */
import { gumbel, gumbelCeiling, noiseBits, noiseKey } from "../model/noise.ts";
import type { Sampling } from "./types.ts";

/** What an engine tells of the distribution after a position. */
export interface Likeliest {
  /** N different ids, most likely first. */
  readonly ids: readonly number[];
  /** Their logits, falling, on any common offset: logarithms of probability are logits too. */
  readonly logits: readonly number[];
  /** ln Σ exp(logit) over the whole vocabulary on that offset: 0 for logarithms of probability. */
  readonly logTotal: number;
}

/**
 * How many of the likeliest tokens to ask for, so that `chooseAmong` can answer; null where a token far down the list
 * may win by its noise, whatever is asked for.
 * @param most that may be asked for, and where the request itself does not say how many it takes, are
 */
export function likeliestNeeded({ temperature, topK, topP, minP }: Sampling, most: number): number | null {
  // Two of them show a tie.
  if (temperature === 0) return 2;
  if (topK > 0 && topK < most) return topK + 1;
  return topP < 1 || minP > 0 ? most : null;
}

/** @param V size of the vocabulary */
export function chooseAmong(known: Likeliest, V: number, sampling: Sampling, position: number): number | null {
  const { ids, logits } = known;
  const top = logits[0];
  if (top === undefined) return null;
  // Of equals the lowest id; a tie that goes on beyond what is known cannot be seen.
  if (sampling.temperature === 0) return Math.min(...ids.filter((_, n) => logits[n] === top));
  const scaled = logits.map((logit) => (logit - top) / sampling.temperature);
  const least = ids.length >= V ? Number.NEGATIVE_INFINITY : scaled.at(-1)!;
  const floor = floorOf(known, scaled, least, V, sampling);
  if (floor === null) return null;

  const key = noiseKey(sampling.seed, position);
  let [winner, at, best] = [-1, 0, Number.NEGATIVE_INFINITY];
  for (const [n, id] of ids.entries()) {
    if (scaled[n]! < floor.low) continue;
    const score = scaled[n]! + gumbel(noiseBits(key, id));
    // Of equal scores the lowest id, as when all are looked at in order.
    if (score > best || (score === best && id < winner)) [winner, at, best] = [id, scaled[n]!, score];
  }
  // One that the filters may have dropped decides nothing; one that wins over all that they may have kept, all of it.
  if (at < floor.high) return null;
  if (floor.low > least) return winner;
  const among = new Set(ids);
  for (let id = 0; id < V; id++) {
    const bits = noiseBits(key, id);
    if (least + gumbelCeiling(bits) < best || among.has(id)) continue;
    if (least + gumbel(bits) >= best) return null;
  }
  return winner;
}

/**
 * Between which two values the least x lies that the filters keep, both −Infinity where they keep all; null where even
 * that is open.
 */
function floorOf(known: Likeliest, x: readonly number[], least: number, V: number, sampling: Sampling) {
  const { topK, topP, minP, temperature } = sampling;
  const N = x.length;
  let [low, high] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  if (topK > 0 && topK < V) {
    const last = x[topK - 1];
    // Tokens as likely as the k-th stay, and there may be more of them outside.
    if (last === undefined || last <= least) return null;
    [low, high] = [last, last];
  }
  if (topP < 1) {
    const kept = x.filter((value) => value >= low);
    const held = kept.reduce((sum, value) => sum + Math.exp(value), 0);
    const rest: [number, number] = low > least || N >= V ? [0, 0] : massOutside(known, V - N, least, 1 / temperature);
    high = threshold(kept, topP * (held + rest[0])) ?? least;
    low = threshold(kept, topP * (held + rest[1])) ?? low;
  }
  const probable = minP > 0 ? Math.log(minP) : Number.NEGATIVE_INFINITY;
  return { low: Math.max(low, probable), high: Math.max(high, probable) };
}

/** The x at which the falling `x` hold `goal` of exp(x), null when all of them do not. */
function threshold(x: readonly number[], goal: number): number | null {
  let sum = 0;
  for (const value of x) {
    sum += Math.exp(value);
    if (sum >= goal) return value;
  }
  return null;
}

/**
 * Bounds of Σ exp(x) over the `count` unknown tokens, none above `least`. Their weight w = Σ exp(logit − largest) at
 * temperature 1 is what the known ones leave of the total; with s = 1 / temperature, Σ exp(s·y) over y ≤ Y lies between
 * the sum of equals, count · (w / count)^s (Jensen), and that of as many at Y as make up w, w · exp((s − 1) · Y), which
 * of them is the larger depending on whether s exceeds 1.
 */
function massOutside({ logits, logTotal }: Likeliest, count: number, least: number, s: number): [number, number] {
  const top = logits[0]!;
  const weight = logits.reduce((left, logit) => left - Math.exp(logit - top), Math.exp(logTotal - top));
  // Rounding of logarithms of probability, in both directions.
  const slack = 1e-5 * Math.exp(logTotal - top);
  const bounds = [weight - slack, weight + slack].flatMap((w) => {
    if (w <= 0) return [0];
    return [count * (w / count) ** s, w * Math.exp((s - 1) * (least / s))];
  });
  return [Math.min(...bounds), Math.max(...bounds)];
}
