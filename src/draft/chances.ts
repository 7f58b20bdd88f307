/**
 * How probable it is that the target says what a draft drew. Both add the same noise g to their logits, so the target says the token with
 * the largest score y = logit + temperature · g; its scores are the draft's and errors. Were these independent Gumbel errors of scale σ, it
 * would say token i with probability e^(y_i / σ) / Σ e^(y_j / σ) (Luce's choice rule from random utilities: Yellott 1977). A rare
 * token that its noise alone put far ahead is then as good as sure, and one of two that are level is not, whatever the softmax gives them.
 */
import type { Drawn } from "./draw.ts";

/** σ, in logits. A draft of 41 M weights for 135 M is best served by 0.8 to 1.0, greedy and at temperature 0.8 (docs/log.md). */
const ERROR = 0.9;

/** Tokens to draw for a place: with two the second is taken for more than it is, with six nothing changes (docs/log.md). */
export const DRAWN = 4;

/** Of each token drawn for a place, scores falling, the probability that the target says it. */
export function chances(drawn: readonly Drawn[]): number[] {
  const likely = drawn.map(({ score }) => Math.exp((score - drawn[0]!.score) / ERROR));
  const total = likely.reduce((sum, value) => sum + value, 0);
  return likely.map((value) => value / total);
}
