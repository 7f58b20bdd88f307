/**
 * The target's token at a position, as a function of its logits alone:
 *
 *   x = (logit − largest) / temperature
 *   top_k   keep x ≥ the k-th largest x
 *   top_p   of those, keep x ≥ θ, the largest θ whose tokens hold at least top_p of their probability
 *   min_p   of those, keep x ≥ ln min_p
 *   token = argmax(x + noise(seed, position, token)) over what is kept (the Gumbel-max trick: Gumbel 1954)
 *
 * The order is Hugging Face's. Tokens tied at a threshold all stay. At temperature 0 the token is the argmax, the
 * lowest id among equals. Every filter is a threshold on x, so nothing is sorted but one bucket of a histogram.
 */
import { OutriderError } from "../model/errors.ts";
import { gumbel, gumbelCeiling, noiseBits, noiseKey } from "../model/noise.ts";
import type { Sampling, TokenLogprob } from "./types.ts";

const BUCKETS = 2048;
/** Below every finite x, so that −Infinity (a forbidden token) is never kept. */
const KEEP_ALL = -Number.MAX_VALUE;

/**
 * The token that `sampling` draws from `logits` (V) at `position`. Throws `bad_logits` if no logit is a finite number,
 * and `nothing_allowed` if all are −Infinity.
 */
export function chooseToken(logits: Float32Array, sampling: Sampling, position: number): number {
  const likeliest = argmax(logits);
  if (sampling.temperature === 0) return likeliest;
  const top = logits[likeliest]!;
  const scale = 1 / sampling.temperature;
  const floor = keepFloor(logits, top, sampling);

  const key = noiseKey(sampling.seed, position);
  let winner = likeliest;
  let best = gumbel(noiseBits(key, likeliest));
  for (let token = 0; token < logits.length; token++) {
    const x = (logits[token]! - top) * scale;
    if (!(x >= floor)) continue;
    const bits = noiseBits(key, token);
    if (x + gumbelCeiling(bits) < best) continue;
    const score = x + gumbel(bits);
    if (score > best) {
      best = score;
      winner = token;
    }
  }
  return winner;
}

/** The least (logit − top) / temperature that the filters of `sampling` keep; `top` is the largest of `logits` (V). */
export function keepFloor(logits: Float32Array, top: number, sampling: Sampling): number {
  const scale = 1 / sampling.temperature;
  let floor = KEEP_ALL;
  if (sampling.topK > 0 && sampling.topK < logits.length) {
    floor = threshold(logits, top, scale, floor, sampling.topK, false);
  }
  if (sampling.topP < 1) floor = threshold(logits, top, scale, floor, sampling.topP, true);
  if (sampling.minP > 0) floor = Math.max(floor, Math.log(sampling.minP));
  return floor;
}

/** Natural logarithm of a token's probability under the plain softmax of `logits`: no temperature, no filters. */
export const logProbability = (logits: Float32Array, token: number): number => logits[token]! - logTotal(logits);

/** ln Σ exp(logit) over `logits`. */
function logTotal(logits: Float32Array): number {
  const top = logits[argmax(logits)]!;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - top);
  return top + Math.log(sum);
}

/** What is told of a token that was not among those known, or had no probability: OpenAI's number. */
export const UNTOLD = -9999;

/** `logProbability` of a token, and of the `count` likeliest; of equals the lowest id comes first. */
export function tokenLogprob(logits: Float32Array, token: number, count: number): TokenLogprob {
  const total = logTotal(logits);
  const top: (readonly [id: number, logit: number])[] = [];
  for (let id = 0; id < logits.length && count > 0; id++) {
    const logit = logits[id]!;
    if (top.length === count && !(logit > top.at(-1)![1])) continue;
    const behind = top.findIndex(([, other]) => logit > other);
    top.splice(behind < 0 ? top.length : behind, 0, [id, logit]);
    top.length = Math.min(top.length, count);
  }
  const finite = top.filter(([, logit]) => Number.isFinite(logit));
  return { logprob: Math.max(UNTOLD, logits[token]! - total), top: finite.map(([id, logit]) => [id, logit - total]) };
}

/** Index of the largest logit, the lowest among equals. */
function argmax(logits: Float32Array): number {
  let best = logits[0] ?? Number.NaN;
  let index = 0;
  for (let i = 1; i < logits.length; i++) {
    const value = logits[i]!;
    if (value > best) {
      best = value;
      index = i;
    }
  }
  if (Number.isFinite(best)) return index;
  const areForbidden = logits.length > 0 && logits.every((logit) => logit === Number.NEGATIVE_INFINITY);
  throw areForbidden ? nothingAllowed() : badLogits();
}

/** What to throw where all that may come was forbidden: no model says of every token that it cannot come. */
const nothingAllowed = (): OutriderError =>
  new OutriderError(
    "nothing_allowed",
    "no token may follow: the request's biases, allowed tokens and form forbid every one; allow some",
  );

/** What to throw when no logit is a finite number. */
export const badLogits = (): OutriderError =>
  new OutriderError("bad_logits", "the model gave no finite logit; its weights or cache are damaged", { status: 500 });

/**
 * The largest θ ≥ floor such that the tokens with x ≥ θ number at least `target` (byMass false), or hold at least
 * the share `target` of the probability of those with x ≥ floor (byMass true).
 */
function threshold(
  logits: Float32Array,
  top: number,
  scale: number,
  floor: number,
  target: number,
  byMass: boolean,
): number {
  let lowest = 0;
  for (let i = 0; i < logits.length; i++) {
    const x = (logits[i]! - top) * scale;
    if (x >= floor && x < lowest) lowest = x;
  }
  if (lowest === 0) return floor;
  const perBucket = (BUCKETS - 1) / lowest;
  const weights = new Float64Array(BUCKETS);
  let total = 0;
  for (let i = 0; i < logits.length; i++) {
    const x = (logits[i]! - top) * scale;
    if (!(x >= floor)) continue;
    const weight = byMass ? Math.exp(x) : 1;
    weights[(x * perBucket) | 0]! += weight;
    total += weight;
  }
  const goal = byMass ? target * total : target;
  let sum = 0;
  let bucket = 0;
  while (bucket < BUCKETS - 1 && sum + weights[bucket]! < goal) sum += weights[bucket++]!;
  const members: number[] = [];
  for (let i = 0; i < logits.length; i++) {
    const x = (logits[i]! - top) * scale;
    if (x >= floor && ((x * perBucket) | 0) === bucket) members.push(x);
  }
  const descending = Float64Array.from(members).sort().reverse();
  for (const x of descending) {
    sum += byMass ? Math.exp(x) : 1;
    if (sum >= goal) return x;
  }
  return floor;
}
