/**
 * Which draft tokens one target pass keeps, and what the target puts after them.
 *
 * Exact rule. Let f(i) be the target's own token at position i given everything decided before it: `chooseToken` of the
 * row that the pass computed there. Keep a draft token while it equals f(i); at the first that does not, put f(i) and
 * stop; after a fully kept draft put f of the last row. By induction on i every decided token is f of the decided
 * prefix, and that is also what decoding without a draft gives: row i was computed from exactly that prefix, f depends
 * on nothing else, and the noise is keyed by (seed, position). So the output does not depend on the draft, for any
 * sampling. (Greedy: Leviathan et al. 2023, arXiv 2211.17192 §2; sampled with shared noise: Daliri et al. 2024.)
 *
 * Siblings. Where f(i) is not the draft token but a sibling of it, keep that: its row was computed from the decided
 * prefix and f(i), so it gives the token after it by the same argument (a token tree of one long branch; SpecInfer:
 * Miao et al. 2024, arXiv 2305.09781 §4).
 *
 * BiLD rule (Kim et al. 2023, arXiv 2302.07863 §3.3). Also keep a token x whose −ln p(x) ≤ alphaRollback, p the
 * target's plain softmax as in the paper's code: temperature and filters do not enter. Lossy. The paper runs the target
 * again after a rollback; here the row that rejected x gives the target's own token, so a rollback costs one pass.
 */
import { chooseAmong, type Likeliest } from "./likeliest.ts";
import { chooseToken, logProbability } from "./sample.ts";
import type { Rule, Sampling, Sibling } from "./types.ts";

export interface Decision {
  /** How many draft tokens were kept; they are the first of `tokens`. */
  readonly kept: number;
  /** What is decided: those kept, then the target's own token unless a kept one ended the answer or it is not known. */
  readonly tokens: readonly number[];
  /** Target passes that it took, 1 unless an engine had to ask again. */
  readonly passes?: number;
  /** Tokens of the timeline that the engine had not to compute, where it says so. */
  readonly cached?: number;
}

/**
 * What a target says in one pass: row i after the first i draft tokens, row K + 1 + j after sibling j of a draft of K.
 */
export interface Judge {
  /** The target's own token there; null where the engine told too little of its distribution to know it. */
  own(row: number): number | null;
  /** ln p of a token under the target's plain softmax: no temperature, no filters. */
  logProbability(row: number, token: number): number;
}

/**
 * @param draft K tokens for the positions from `position` on
 * @param stop tokens that end the answer: nothing is decided after one
 * @param siblings of tokens of the draft
 * @returns no tokens at all where the very first of the target's own is not known; a draft does not change that
 */
export function accept(
  judge: Judge,
  draft: readonly number[],
  rule: Rule,
  stop: ReadonlySet<number>,
  siblings: readonly Sibling[] = [],
): Decision {
  const tokens: number[] = [];
  for (let i = 0; ; i++) {
    const own = judge.own(i);
    const proposed = draft[i];
    if (own === null) return { kept: i, tokens };
    const keep =
      proposed !== undefined &&
      (proposed === own || (rule.kind === "bild" && -judge.logProbability(i, proposed) <= rule.alphaRollback));
    if (!keep) {
      const sibling = siblings.findIndex(({ at, id }) => at === i && id === own);
      if (sibling < 0) return { kept: i, tokens: [...tokens, own] };
      const next = stop.has(own) ? null : judge.own(draft.length + 1 + sibling);
      return { kept: i + 1, tokens: [...tokens, own, ...(next === null ? [] : [next])] };
    }
    tokens.push(proposed);
    if (stop.has(proposed)) return { kept: i + 1, tokens };
  }
}

/** Of each row of a pass over a draft of K and its siblings, the position of the token that it gives. */
export const positionsOf = (position: number, K: number, siblings: readonly Sibling[]): number[] => [
  ...Array.from({ length: K + 1 }, (_, i) => position + i),
  ...siblings.map(({ at }) => position + at + 1),
];

/** The judge that has all logits of one pass, a row (V) for the token at each of `positions`. */
export function fullJudge(rows: Float32Array, V: number, sampling: Sampling, positions: readonly number[]): Judge {
  const row = (i: number) => rows.subarray(i * V, (i + 1) * V);
  return {
    own: (i) => chooseToken(row(i), sampling, positions[i]!),
    logProbability: (i, token) => logProbability(row(i), token),
  };
}

/**
 * The judge that knows of each row the likeliest tokens for its place in `positions`, and ln p of the draft's, (K);
 * none of them, where BiLD's rule is not offered.
 */
export function partialJudge(
  rows: readonly Likeliest[],
  logProbabilities: readonly number[],
  V: number,
  sampling: Sampling,
  positions: readonly number[],
): Judge {
  return {
    own: (i) => chooseAmong(rows[i]!, V, sampling, positions[i]!),
    logProbability: (i) => logProbabilities[i] ?? Number.NEGATIVE_INFINITY,
  };
}
