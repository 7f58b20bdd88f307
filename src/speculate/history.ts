/**
 * What a session has learned about its drafter, its target and the way between them. Nothing here reads a clock: in a
 * deployed Worker it would stand still while a kernel runs. Times come from verdicts, and two straight lines fitted to
 * them separate what cannot be measured alone:
 *
 *   turn.ms = round trip + draft step · drafted tokens
 *   stepMs  = target step + position · draft tokens scored
 *
 * Acceptance is counted by bucket of the drafter's confidence, so that a drafter that overrates itself is found out
 * (calibration as in Hugging Face's assisted generation, which fits its confidence threshold to past matches).
 */

/** Milliseconds. */
export interface Costs {
  /** From the origin sending a verdict to the draft made from it arriving, without the drafting. */
  readonly roundTripMs: number;
  /** One drafted token. */ readonly draftStepMs: number;
  /** A target pass over one position. */ readonly targetStepMs: number;
  /** What each further position adds to a pass. */ readonly positionMs: number;
}

/** A datacentre GPU near by and a draft of some tens of megabytes in WASM; only the first rounds of a session rely on it. */
export const TYPICAL_COSTS: Costs = { roundTripMs: 30, draftStepMs: 6, targetStepMs: 25, positionMs: 0.5 };

const BUCKETS = 10;
/** How fast old observations fade: half of their weight is gone after 34 newer ones of the same bucket. */
const FADE = 0.98;
/** A bucket's first guess counts like this many observations. */
const PRIOR_WEIGHT = 4;

export class History {
  readonly #kept = new Float64Array(BUCKETS);
  readonly #seen = new Float64Array(BUCKETS);
  readonly #turn: Line;
  readonly #step: Line;
  #meanKept: number;
  #meanSeen = PRIOR_WEIGHT;
  /** Verdicts of the session that came while drafting did not pay for its costs; `Window` counts, to try now and then. */
  skipped = 0;

  /** @param acceptance what to expect of the drafter before anything is seen of it here */
  constructor(guess: Costs = TYPICAL_COSTS, acceptance = 0.6) {
    this.#meanKept = acceptance * PRIOR_WEIGHT;
    this.#turn = new Line(guess.roundTripMs, guess.draftStepMs);
    this.#step = new Line(guess.targetStepMs, guess.positionMs);
  }

  /** A draft token of this confidence, all before it being kept, was (or was not) what the target decided. */
  outcome(confidence: number, kept: boolean): void {
    const bucket = bucketOf(confidence);
    this.#kept[bucket] = this.#kept[bucket]! * FADE + (kept ? 1 : 0);
    this.#seen[bucket] = this.#seen[bucket]! * FADE + 1;
    this.#meanKept = this.#meanKept * FADE + (kept ? 1 : 0);
    this.#meanSeen = this.#meanSeen * FADE + 1;
  }

  /** A draft of `drafted` new tokens reached the origin `ms` after it had sent the verdict that the draft was made from. */
  turned(drafted: number, ms: number): void {
    this.#turn.observe(drafted, ms);
  }

  /** A target pass that scored `drafted` draft tokens took `ms`. */
  stepped(drafted: number, ms: number): void {
    this.#step.observe(drafted, ms);
  }

  /** Expected acceptance of a token of this confidence, given that all before it are kept; in (0, 1). */
  acceptance(confidence: number): number {
    const bucket = bucketOf(confidence);
    const guess = (bucket + 0.5) / BUCKETS;
    return (this.#kept[bucket]! + PRIOR_WEIGHT * guess) / (this.#seen[bucket]! + PRIOR_WEIGHT);
  }

  /** Acceptance over all draft tokens that were decided on, recent ones counting more. */
  get meanAcceptance(): number {
    return this.#meanKept / this.#meanSeen;
  }

  get costs(): Costs {
    return {
      roundTripMs: this.#turn.intercept,
      draftStepMs: this.#turn.slope,
      targetStepMs: this.#step.intercept,
      positionMs: this.#step.slope,
    };
  }
}

const bucketOf = (confidence: number): number => Math.max(0, Math.min(BUCKETS - 1, Math.floor(confidence * BUCKETS)));

/**
 * y = intercept + slope · x by least squares with fading memory. The first guess enters as two lasting observations, at
 * x = 0 and x = 8, light enough that a few real ones outweigh them, and enough to keep the fit defined when x never varies.
 */
class Line {
  readonly #guess: readonly [number, number];
  // Sums of w, wx, wxx, wy, wxy over faded observations.
  readonly #sums = new Float64Array(5);

  constructor(intercept: number, slope: number) {
    this.#guess = [intercept, slope];
  }

  /** An observation far above the line (a prefill, a hiccup) is pulled down to three times the line, so it cannot tilt it at once. */
  observe(x: number, y: number): void {
    const { intercept, slope } = this;
    const value = Math.min(y, 3 * (intercept + slope * x) + 10);
    const terms = [1, x, x * x, value, x * value];
    for (let i = 0; i < terms.length; i++) this.#sums[i] = this.#sums[i]! * FADE + terms[i]!;
  }

  get slope(): number {
    return this.#fit()[1];
  }

  get intercept(): number {
    return this.#fit()[0];
  }

  #fit(): [intercept: number, slope: number] {
    const [a, b] = this.#guess;
    const far = 8;
    const weight = 0.25;
    let [w, wx, wxx, wy, wxy] = this.#sums as unknown as [number, number, number, number, number];
    w += 2 * weight;
    wx += weight * far;
    wxx += weight * far * far;
    wy += weight * (a + (a + b * far));
    wxy += weight * far * (a + b * far);
    const slope = Math.max(0, (w * wxy - wx * wy) / (w * wxx - wx * wx));
    // A slope held at zero leaves the mean; a negative intercept is noise in the slope.
    const intercept = (wy - slope * wx) / w;
    return intercept >= 0 ? [intercept, slope] : [0, Math.max(0, wxy / wxx)];
  }
}
