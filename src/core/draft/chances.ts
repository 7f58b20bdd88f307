/**
 * How probable it is that the target emits a token that the draft drew.
 *
 * Draft and target add the same noise g to their logits. The target therefore emits the token with the largest score
 * y = logit + temperature · g, and its scores are the draft's scores plus errors. If the errors were independent Gumbel
 * variables of scale σ, the target would emit token i with probability e^(y_i / σ) / Σ_j e^(y_j / σ): Luce's choice
 * rule, derived from random utilities (Yellott 1977). Scores, not the softmax of the logits, decide: a rare token
 * whose noise put it far ahead is almost certain, and two tokens with level scores are a coin toss.
 */
import type { Drawn } from "./draw.ts";

/**
 * σ, in logits, of a draft whose pack does not name its own (`drafting.sigma`). Measured with a draft of 41 M weights
 * for a target of 135 M, greedy and at temperature 0.8: 0.8 to 1.0 give the best confidences (docs/record/log.md).
 */
const SIGMA = 0.9;

/**
 * Tokens to draw for a position. With two, the confidence of the second comes out too high; six change nothing
 * (docs/record/log.md).
 */
export const DRAWN = 4;

/** For each token drawn for one position, scores falling, the probability that the target emits it. */
export function chances(drawn: readonly Drawn[], sigma: number = SIGMA): number[] {
  const likely = drawn.map(({ score }) => Math.exp((score - drawn[0]!.score) / sigma));
  const total = likely.reduce((sum, value) => sum + value, 0);
  return likely.map((value) => value / total);
}
