/**
 * What rules are held against. Three bounds of different kinds:
 *
 *   clairvoyant   knows which tokens will be kept, and every round trip to come. No rule can reach it.
 *   fixed         the one draft length that is best for this text and these costs, chosen afterwards
 *   informed      knows all costs, the present round trip, and how confidences follow each other and are kept in this
 *                 very text, but not what becomes of the token at hand. It stops where stopping is best.
 */
import { type Length, replayLengths, type Setting } from "./replay.ts";
import { type Answer, CHAIN, type Chain } from "./trace.ts";

/** The least ms that the answers can take: a draft ends at its last right token or before. */
export function clairvoyantMs(answers: readonly Answer[], setting: Setting): number {
  let ms = 0;
  let before = 0;
  for (const { chains } of answers) {
    const least = new Float64Array(chains.length + 1);
    for (let at = chains.length - 1; at >= 0; at--) {
      const roundTripMs = setting.roundTripMs(before + at);
      least[at] = setting.passMs(1) + least[at + 1]!;
      for (let K = 1; K <= chains[at]!.kept; K++) {
        const rest = least[Math.min(at + K + 1, chains.length)]!;
        least[at] = Math.min(least[at]!, roundTripMs + K * setting.draftStepMs + setting.passMs(K + 1) + rest);
      }
    }
    ms += least[0]!;
    before += chains.length;
  }
  return ms;
}

const BUCKETS = 12;
const bucketOf = (confidence: number): number => Math.min(BUCKETS - 1, Math.floor(confidence * BUCKETS));

/** Survival, the probability that all tokens so far are kept, in steps of a factor from 1 down. */
const SURVIVALS = 24;
const SURVIVAL_STEP = 0.78;
const survivalBin = (survival: number): number =>
  Math.min(SURVIVALS - 1, Math.round(Math.log(survival) / Math.log(SURVIVAL_STEP)));

/** How confidences follow each other in a text, and how often tokens of each are kept. */
export interface Model {
  /** By bucket of the confidence: share kept of the tokens before which all were kept. */
  readonly kept: Float64Array;
  /** By bucket, probability of the first token's. */
  readonly first: Float64Array;
  /** By bucket of a token and of the next, (BUCKETS, BUCKETS). */
  readonly next: Float64Array;
}

/** Counts all chains. A bucket begins with one observation spread evenly over what may follow. */
export function modelOf(chains: readonly Chain[]): Model {
  const seen = new Float64Array(BUCKETS).fill(2);
  const kept = Float64Array.from({ length: BUCKETS }, (_, b) => (2 * (b + 0.5)) / BUCKETS);
  const first = new Float64Array(BUCKETS).fill(1 / BUCKETS);
  const next = new Float64Array(BUCKETS * BUCKETS).fill(1 / BUCKETS);
  for (const chain of chains) {
    const buckets = chain.confidences.map(bucketOf);
    first[buckets[0]!]!++;
    for (const [i, bucket] of buckets.entries()) {
      if (i < chain.confidences.length - 1) next[bucket * BUCKETS + buckets[i + 1]!]!++;
      if (i > chain.kept) continue;
      seen[bucket]!++;
      if (i < chain.kept) kept[bucket]!++;
    }
  }
  return {
    kept: kept.map((value, b) => value / seen[b]!),
    first: normalised(first),
    next: next.map((value, at) => {
      const row = Math.floor(at / BUCKETS) * BUCKETS;
      return value / next.subarray(row, row + BUCKETS).reduce((sum, x) => sum + x, 0);
    }),
  };
}

const normalised = (weights: Float64Array): Float64Array => {
  const total = weights.reduce((sum, value) => sum + value, 0);
  return weights.map((value) => value / total);
};

/** A rule of stopping: whether to go on behind k tokens, by bucket of the last and survival. */
interface Stopping {
  /** Expected tokens − rate · ms of a round, above those of a pass without a draft. */
  readonly gain: number;
  goesOn(k: number, bucket: number, survival: number): boolean;
}

/**
 * The rule that maximises expected tokens − rate · ms in the model, by backward induction over draft length, bucket and
 * survival.
 */
export function stoppingAt(
  rate: number,
  roundTripMs: number,
  { kept, first, next }: Model,
  { draftStepMs, passMs }: Setting,
): Stopping {
  const size = BUCKETS * SURVIVALS;
  const go = Array.from({ length: CHAIN }, () => new Uint8Array(size));
  // Of each bucket of a token: the bin of its survival, by the bin before it.
  const bins = Array.from(kept, (c) =>
    Array.from({ length: SURVIVALS }, (_, s) => survivalBin(SURVIVAL_STEP ** s * c)),
  );
  let later = new Float64Array(size);
  /** Expected gain of drafting token k + 1, whose bucket has this distribution, at a survival of this bin. */
  const goingOn = (k: number, chances: Float64Array, from: number, s: number): number => {
    const survival = SURVIVAL_STEP ** s;
    let gain = -rate * (draftStepMs + passMs(k + 2) - passMs(k + 1));
    for (let b = 0; b < BUCKETS; b++) {
      gain += chances[from + b]! * (survival * kept[b]! + later[b * SURVIVALS + bins[b]![s]!]!);
    }
    return gain;
  };
  for (let k = CHAIN - 1; k >= 1; k--) {
    const values = new Float64Array(size);
    for (let b = 0; b < BUCKETS; b++) {
      for (let s = 0; s < SURVIVALS; s++) {
        const gain = goingOn(k, next, b * BUCKETS, s);
        if (gain <= 0) continue;
        values[b * SURVIVALS + s] = gain;
        go[k]![b * SURVIVALS + s] = 1;
      }
    }
    later = values;
  }
  const gain = Math.max(0, goingOn(0, first, 0, 0) - rate * roundTripMs);
  return {
    gain,
    goesOn: (k, bucket, survival) =>
      k === 0 ? gain > 0 : k < CHAIN && go[k]![bucket * SURVIVALS + survivalBin(survival)] === 1,
  };
}

/** The rule at the best rate for this round trip: the rate at which a round gains nothing (Dinkelbach 1967). */
export function bestStopping(roundTripMs: number, model: Model, setting: Setting): Stopping {
  const alone = setting.passMs(1);
  let low = 1 / alone;
  let high = (CHAIN + 1) / alone;
  for (let n = 0; n < 11; n++) {
    const rate = (low + high) / 2;
    if (1 + stoppingAt(rate, roundTripMs, model, setting).gain > rate * alone) low = rate;
    else high = rate;
  }
  return stoppingAt(low, roundTripMs, model, setting);
}

/** The length that a rule of stopping leads to. */
export const stoppedLength =
  (model: Model, stoppingOf: (roundTripMs: number) => Stopping): Length =>
  (confidences, roundTripMs) => {
    const stopping = stoppingOf(roundTripMs);
    let survival = 1;
    let K = 0;
    while (stopping.goesOn(K, K === 0 ? 0 : bucketOf(confidences[K - 1]!), survival)) {
      survival *= model.kept[bucketOf(confidences[K]!)]!;
      K++;
    }
    return { drafted: K, sent: K };
  };

/** Round trips are told apart by a factor of about 1.4. */
const stateOf = (roundTripMs: number): number => Math.round(2 * Math.log2(1 + roundTripMs));

/** Milliseconds of the informed rule. */
export function informedMs(answers: readonly Answer[], setting: Setting, model: Model): number {
  const known = new Map<number, Stopping>();
  const stoppingOf = (roundTripMs: number): Stopping => {
    const state = stateOf(roundTripMs);
    const stopping = known.get(state) ?? bestStopping(roundTripMs, model, setting);
    known.set(state, stopping);
    return stopping;
  };
  return replayLengths(answers, setting, stoppedLength(model, stoppingOf));
}
