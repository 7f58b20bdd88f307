/**
 * How long an origin's passes take, by the positions that they compute, learned from its verdicts. The logarithms of
 * the times are a Gaussian process over the logarithm of the number of positions: a level, and a walk away from the
 * first guess (Rasmussen, Williams 2006, §2.2; updated one observation at a time, a Kalman filter). So a number of
 * positions that was never seen lies between its neighbours, as the first guess does, and times relative to each other
 * are kept when the whole machine slows down.
 *
 * One more unknown is how much slower passes are while the drafter works: a target on the drafter's own machine gives
 * up some of its processor.
 */
import { costOf, type PassCost } from "./pass-cost.ts";

/** Most positions of a pass that are told apart. */
export const MOST_POSITIONS = 32;

/** Where an engine says nothing: several positions cost little, as on a GPU that one user has to himself. */
const TYPICAL_COST: PassCost = { 1: 1, 8: 1.14, 32: 1.62 };

/** Standard deviations of logarithms: of the level's first guess, and of the curve at MOST_POSITIONS. */
const LEVEL = 0.7;
const CURVE = { typical: 1.2, engine: 0.8 } as const;
/** Of one pass against the curve: 10 %. */
const NOISE = 0.1;
/** Of the logarithm of what a drafter at work adds. */
const HINDRANCE = 0.25;
/** What level, curve and hindrance may drift between two passes. */
const LEVEL_DRIFT = 0.01;
const CURVE_DRIFT = 0.002;
const HINDRANCE_DRIFT = 0.003;
/** An observation farther off than so many standard deviations (a prefill, a hiccup) counts as one so far off. */
const FARTHEST = 2.5;

/** How far the walk has come at each number of positions, as a share of where it ends. */
const WALKED = Array.from({ length: MOST_POSITIONS }, (_, n) => Math.log(n + 1) / Math.log(MOST_POSITIONS));

/** Unknowns: the curve's, then the hindrance. */
const SIZE = MOST_POSITIONS + 1;

export class PassTimes {
  readonly #mean = new Float64Array(SIZE);
  readonly #covariance = new Float64Array(SIZE * SIZE);
  #curveKnown: boolean;
  #ms: readonly number[] | undefined;

  /** @param guess ms by draft tokens of a pass, or of a pass without any */
  constructor(guess: number | readonly number[]) {
    this.#curveKnown = typeof guess !== "number";
    const at = (n: number) =>
      typeof guess === "number" ? guess * costOf(TYPICAL_COST, n + 1) : guess[Math.min(n, guess.length - 1)]!;
    for (let n = 0; n < MOST_POSITIONS; n++) this.#mean[n] = Math.log(Math.max(at(n), 0.001));
    this.#spread(LEVEL, this.#curveKnown ? CURVE.engine : CURVE.typical);
  }

  /** ms of a pass by the draft tokens that it scores, 0 to MOST_POSITIONS − 1; never falling. */
  get ms(): readonly number[] {
    if (!this.#ms) {
      let highest = 0;
      this.#ms = Array.from(this.#mean.subarray(0, MOST_POSITIONS), (mean) => {
        highest = Math.max(highest, Math.exp(mean));
        return highest;
      });
    }
    return this.#ms;
  }

  /** How much longer a pass takes while the drafter works, at least 1. */
  get hindrance(): number {
    return Math.exp(Math.max(0, this.#mean[MOST_POSITIONS]!));
  }

  /** An engine's own guess; without effect once several positions have been measured, or an engine has guessed. */
  expect(cost: PassCost): void {
    if (this.#curveKnown) return;
    this.#curveKnown = true;
    for (let n = 1; n < MOST_POSITIONS; n++) this.#mean[n] = this.#mean[0]! + Math.log(costOf(cost, n + 1));
    this.#spread(Math.sqrt(this.#covariance[0]!), CURVE.engine);
    this.#ms = undefined;
  }

  /** A pass over `drafted` draft tokens took `ms`; `hindered`: the drafter worked meanwhile. */
  observe(drafted: number, ms: number, hindered: boolean): void {
    const at = Math.min(drafted, MOST_POSITIONS - 1);
    if (at > 0) this.#curveKnown = true;
    const covariance = this.#covariance;
    this.#add(LEVEL_DRIFT ** 2, CURVE_DRIFT ** 2, HINDRANCE_DRIFT ** 2);
    const observed = hindered ? [at, MOST_POSITIONS] : [at];
    const row = new Float64Array(SIZE);
    for (const o of observed) for (let i = 0; i < SIZE; i++) row[i]! += covariance[o * SIZE + i]!;
    const sum = (values: Float64Array) => observed.reduce((total, o) => total + values[o]!, 0);
    const variance = sum(row) + NOISE ** 2;
    const most = FARTHEST * Math.sqrt(variance);
    const off = Math.max(-most, Math.min(most, Math.log(Math.max(ms, 0.001)) - sum(this.#mean)));
    for (let i = 0; i < SIZE; i++) {
      const gain = row[i]! / variance;
      this.#mean[i]! += gain * off;
      for (let j = 0; j < SIZE; j++) covariance[i * SIZE + j]! -= gain * row[j]!;
    }
    this.#ms = undefined;
  }

  #spread(level: number, curve: number): void {
    this.#covariance.fill(0);
    this.#add(level ** 2, curve ** 2, HINDRANCE ** 2);
  }

  #add(level: number, curve: number, hindrance: number): void {
    for (let i = 0; i < MOST_POSITIONS; i++) {
      for (let j = 0; j < MOST_POSITIONS; j++) {
        this.#covariance[i * SIZE + j]! += level + curve * WALKED[Math.min(i, j)]!;
      }
    }
    this.#covariance[SIZE * SIZE - 1]! += hindrance;
  }
}
