/**
 * What a session has learned about its drafter, its target and the network between them. Nothing here reads a clock: in
 * a deployed Worker the clock stands still while a kernel runs. Times come from verdicts. A straight line fitted to the
 * arrivals of drafts separates two costs that cannot be measured alone, and a curve what a pass costs by its positions:
 *
 *   arrival.ms = round trip + draft step · drafted tokens, which are all a model's or all copies
 *   stepMs     = pass-times.ts
 *
 * Acceptance is counted by bucket of the drafter's confidence, so a drafter that overrates itself is found out
 * (calibration as in Hugging Face's assisted generation, which fits its confidence threshold to past matches). It is
 * also counted by how many draft tokens before were right: behind several right ones a text is an easy one, and the
 * next is more often right, too.
 */
import type { PassCost } from "./pass-cost.ts";
import { PassTimes } from "./pass-times.ts";

/** Milliseconds. */
export interface Costs {
  /** From the origin sending a verdict to the draft made from it arriving, without the drafting. */
  readonly roundTripMs: number;
  /** One drafted token. */
  readonly draftStepMs: number;
  /** A target pass by the draft tokens that it scores, from 0 on. */
  readonly passMs: readonly number[];
  /** How much longer a pass takes while the drafter works, at least 1. */
  readonly hindrance: number;
}

/** What is guessed of them; of the pass also its time without a draft token alone. */
type CostGuess = Pick<Costs, "roundTripMs" | "draftStepMs"> & { readonly passMs: number | readonly number[] };

/**
 * A prior only: a datacentre GPU near by, and a draft of some tens of megabytes in WASM. Only the first rounds of a
 * session rely on it, and of those only in an isolate whose other Sessions have learned nothing yet.
 */
const TYPICAL_COSTS: CostGuess = { roundTripMs: 30, draftStepMs: 6, passMs: 25 };

/** A prior only, as `TYPICAL_COSTS`: the share of draft tokens that the target keeps. */
const TYPICAL_ACCEPTANCE = 0.6;

const BUCKETS = 10;
/** How fast old observations fade: half of their weight is gone after 34 newer ones of the same bucket. */
const FADE = 0.98;
/** A bucket's first guess counts like this many observations. */
const PRIOR_WEIGHT = 4;
/** And the mean acceptance, where a depth has not been seen as often. */
const MEAN_WEIGHT = 16;
/** Depths that are told apart: the last right draft tokens before one, 0, 1, 2 … */
export const DEPTHS = 8;

/** How long drafting has not paid. `Tries` counts, to try now and then, and ever more seldom. */
export interface Idle {
  /** Verdicts that came while no draft could have paid for its costs. */
  verdicts: number;
  /** Answers in a row that began where too few tokens were kept. */
  answers: number;
}

export class History {
  readonly #kept = new Float64Array(BUCKETS);
  readonly #seen = new Float64Array(BUCKETS);
  readonly #keptAt = new Float64Array(DEPTHS);
  readonly #seenAt = new Float64Array(DEPTHS);
  readonly #arrival: Line;
  readonly #passes: PassTimes;
  #meanKept: number;
  #meanSeen = PRIOR_WEIGHT;
  #version = 0;
  readonly idle: Idle;
  /** How busy the origin said that it is, as `Verdict.load`. */
  load = 0;

  /**
   * @param acceptance what to expect of the drafter before anything is seen of it here
   * @param idle of the isolate's other Sessions, whose counts go on here
   */
  constructor(
    guess: CostGuess = TYPICAL_COSTS,
    acceptance = TYPICAL_ACCEPTANCE,
    idle: Idle = { verdicts: 0, answers: 0 },
  ) {
    this.idle = { ...idle };
    this.#meanKept = acceptance * PRIOR_WEIGHT;
    this.#arrival = new Line(guess.roundTripMs, guess.draftStepMs);
    this.#passes = new PassTimes(guess.passMs);
  }

  /** Changes whenever something was learned. */
  get version(): number {
    return this.#version;
  }

  /**
   * A draft token of this confidence, all before it being kept, was (or was not) what the target decided.
   *
   * @param depth how many draft tokens in a row were right before it
   */
  outcome(confidence: number, kept: boolean, depth = 0): void {
    this.#version++;
    const right = kept ? 1 : 0;
    const bucket = bucketOf(confidence);
    this.#kept[bucket] = this.#kept[bucket]! * FADE + right;
    this.#seen[bucket] = this.#seen[bucket]! * FADE + 1;
    const at = Math.min(depth, DEPTHS - 1);
    this.#keptAt[at] = this.#keptAt[at]! * FADE + right;
    this.#seenAt[at] = this.#seenAt[at]! * FADE + 1;
    this.#meanKept = this.#meanKept * FADE + right;
    this.#meanSeen = this.#meanSeen * FADE + 1;
  }

  /**
   * A draft of `drafted` new tokens arrived at the origin `ms` after it had sent the verdict that the draft was made
   * from.
   */
  arrived(drafted: number, ms: number): void {
    this.#version++;
    this.#arrival.observe(drafted, ms);
  }

  /** A target pass that scored `drafted` draft tokens took `ms`; `hindered`: the drafter worked meanwhile. */
  stepped(drafted: number, ms: number, hindered = false): void {
    this.#version++;
    this.#passes.observe(drafted, ms, hindered);
  }

  /** The origin's engine guesses what positions cost. That may change more than many verdicts. */
  expect(cost: PassCost): void {
    this.#version += 100;
    this.#passes.expect(cost);
  }

  /** Expected acceptance of a token of this confidence, given that all before it are kept; in (0, 1). */
  acceptance(confidence: number): number {
    const bucket = bucketOf(confidence);
    const guess = (bucket + 0.5) / BUCKETS;
    return (this.#kept[bucket]! + PRIOR_WEIGHT * guess) / (this.#seen[bucket]! + PRIOR_WEIGHT);
  }

  /** Acceptance rate over all draft tokens that were decided on, recent ones counting more. */
  get meanAcceptance(): number {
    return this.#meanKept / this.#meanSeen;
  }

  /** Acceptance by the number of right draft tokens before, from 0 on; the last holds for all beyond. */
  get acceptanceByDepth(): readonly number[] {
    const mean = this.meanAcceptance;
    return Array.from(this.#seenAt, (seen, at) => (this.#keptAt[at]! + MEAN_WEIGHT * mean) / (seen + MEAN_WEIGHT));
  }

  get costs(): Costs {
    const { intercept, slope } = this.#arrival.fit();
    return { roundTripMs: intercept, draftStepMs: slope, passMs: this.#passes.ms, hindrance: this.#passes.hindrance };
  }
}

const bucketOf = (confidence: number): number => Math.max(0, Math.min(BUCKETS - 1, Math.floor(confidence * BUCKETS)));

interface Fit {
  readonly intercept: number;
  readonly slope: number;
}

/** The x of the second lasting observation of a line's first guess, and the weight of both. */
const GUESS_X = 8;
const GUESS_WEIGHT = 0.25;

/**
 * y = intercept + slope · x by least squares with fading memory. The first guess enters as two lasting observations, at
 * x = 0 and x = 8. They are light enough that a few real ones outweigh them, and keep the fit defined when x never
 * varies.
 */
class Line {
  readonly #guess: Fit;
  /** Sums over faded observations, w being the weight of each. */
  readonly #sums = { w: 0, wx: 0, wxx: 0, wy: 0, wxy: 0 };

  constructor(intercept: number, slope: number) {
    this.#guess = { intercept, slope };
  }

  /**
   * An observation far above the line (a prefill, a hiccup) is lowered to three times the line, so it cannot tilt it at
   * once.
   */
  observe(x: number, y: number): void {
    const { intercept, slope } = this.fit();
    const value = Math.min(y, 3 * (intercept + slope * x) + 10);
    const sums = this.#sums;
    sums.w = sums.w * FADE + 1;
    sums.wx = sums.wx * FADE + x;
    sums.wxx = sums.wxx * FADE + x * x;
    sums.wy = sums.wy * FADE + value;
    sums.wxy = sums.wxy * FADE + x * value;
  }

  fit(): Fit {
    const near = this.#guess.intercept;
    const far = near + this.#guess.slope * GUESS_X;
    const w = this.#sums.w + 2 * GUESS_WEIGHT;
    const wx = this.#sums.wx + GUESS_WEIGHT * GUESS_X;
    const wxx = this.#sums.wxx + GUESS_WEIGHT * GUESS_X * GUESS_X;
    const wy = this.#sums.wy + GUESS_WEIGHT * (near + far);
    const wxy = this.#sums.wxy + GUESS_WEIGHT * GUESS_X * far;
    const slope = Math.max(0, (w * wxy - wx * wy) / (w * wxx - wx * wx));
    // A slope held at zero leaves the mean as intercept. A negative intercept is noise in the slope.
    const intercept = (wy - slope * wx) / w;
    return intercept >= 0 ? { intercept, slope } : { intercept: 0, slope: Math.max(0, wxy / wxx) };
  }
}
