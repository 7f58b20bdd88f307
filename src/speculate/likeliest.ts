/**
 * The target's token at a position from the likeliest tokens alone, for engines that do not tell the whole distribution. It is
 * the token that `chooseToken` would draw from all logits, or null where what is known leaves more than one possible.
 *
 *   x = (logit − largest) / temperature of the N tokens known; every other token has x ≤ x_N
 *   top_k   known while k < N, or where x_N lies below the k-th
 *   top_p   the unknown tokens hold between two bounds of probability; the threshold must be the same for both
 *   min_p   known where its floor lies above x_N
 *   else    a token outside may still win by its noise, which is known: it must not
 */
import { gumbel, gumbelCeiling, noiseBits, noiseKey } from "./noise.ts";
import type { Sampling } from "./types.ts";

/** What an engine tells of the distribution after a position. */
export interface Likeliest {
  /** N different ids, most likely first. */ readonly ids: readonly number[];
  /** Their logits, falling, on any common offset: logarithms of probability are logits too. */
  readonly logits: readonly number[];
  /** ln Σ exp(logit) over the whole vocabulary on that offset: 0 for logarithms of probability. */ readonly logTotal: number;
}

/**
 * How many of the likeliest tokens to ask for, so that `chooseAmong` can answer; null where a token far down the list may win by
 * its noise, whatever is asked for.
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
  const floor = knownFloor(known, scaled, least, V, sampling);
  if (floor === null) return null;

  const key = noiseKey(sampling.seed, position);
  let [winner, best] = [-1, Number.NEGATIVE_INFINITY];
  for (const [n, id] of ids.entries()) {
    if (scaled[n]! < floor) continue;
    const score = scaled[n]! + gumbel(noiseBits(key, id));
    // Of equal scores the lowest id, as when all are looked at in order.
    if (score > best || (score === best && id < winner)) [winner, best] = [id, score];
  }
  if (floor > least) return winner;
  const among = new Set(ids);
  for (let id = 0; id < V; id++) {
    const bits = noiseBits(key, id);
    if (least + gumbelCeiling(bits) < best || among.has(id)) continue;
    if (least + gumbel(bits) >= best) return null;
  }
  return winner;
}

/** The least x that the filters keep, −Infinity for all of them; null where the unknown tokens leave it open. */
function knownFloor(known: Likeliest, x: readonly number[], least: number, V: number, sampling: Sampling) {
  const { topK, topP, minP, temperature } = sampling;
  const N = x.length;
  let floor = Number.NEGATIVE_INFINITY;
  if (topK > 0 && topK < V) {
    const last = x[topK - 1];
    // Tokens as likely as the k-th stay, and there may be more of them outside.
    if (last === undefined || last <= least) return null;
    floor = last;
  }
  if (topP < 1) {
    const kept = x.filter((value) => value >= floor);
    const held = kept.reduce((sum, value) => sum + Math.exp(value), 0);
    const rest: [number, number] = floor > least || N >= V ? [0, 0] : massOutside(known, V - N, least, 1 / temperature);
    const low = threshold(kept, topP * (held + rest[0]));
    const high = threshold(kept, topP * (held + rest[1]));
    if (low === null || low !== high || low <= least) return null;
    floor = low;
  }
  return minP > 0 ? Math.max(floor, Math.log(minP)) : floor;
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
 * temperature 1 is what the known ones leave of the total; with s = 1 / temperature, Σ exp(s·y) over y ≤ Y lies between the
 * sum of equals, count · (w / count)^s (Jensen), and that of as many at Y as make up w, w · exp((s − 1) · Y), which of
 * them is the larger depending on whether s exceeds 1.
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
