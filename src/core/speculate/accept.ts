/**
 * Which draft tokens one target pass keeps, and which token of the target's own follows them.
 *
 * Exact rule. Let f(i) be the target's own token at position i given everything decided before it: `chooseToken` of the
 * row that the pass computed there. Keep a draft token while it equals f(i). At the first that differs, emit f(i) and
 * stop; after a fully kept draft, emit f of the last row. By induction on i every decided token is f of the decided
 * prefix, and that is also what decoding without a draft gives: row i was computed from exactly that prefix, f depends
 * on nothing else, and the noise is keyed by (seed, position). So the output does not depend on the draft, for any
 * sampling. (Greedy: Leviathan et al. 2023, arXiv 2211.17192 §2; sampled with shared noise: Daliri et al. 2024.)
 *
 * Siblings. Where f(i) is not the draft token but a sibling of it, keep the sibling: its row was computed from the
 * decided prefix and f(i), so by the same argument it gives the next token (a token tree of one long branch; SpecInfer:
 * Miao et al. 2024, arXiv 2305.09781 §4).
 *
 * BiLD rule (Kim et al. 2023, arXiv 2302.07863 §3.3). Also keep a token x whose −ln p(x) ≤ alphaRollback, with p the
 * target's plain softmax as in the paper's code: temperature and filters do not enter. Lossy. The paper runs the target
 * again after a rollback. Here the row that rejected x gives the target's own token, so a rollback costs one pass.
 */
import { chooseAmong, type Likeliest, shaped, toldOf } from "./likeliest.ts";
import { chooseToken, logProbability, tokenLogprob } from "./sample.ts";
import type { Shape, Shapers } from "./shaping.ts";
import type { Rule, Sampling, Sibling, TokenLogprob } from "./types.ts";

export interface Decision {
  /** How many draft tokens were kept; they are the first of `tokens`. */
  readonly kept: number;
  /**
   * The decided tokens: the kept ones, then the target's own, unless a kept one ended the answer or the own is unknown.
   */
  readonly tokens: readonly number[];
  /** Of each of them, where `Scores` tells it. */
  readonly logprobs?: readonly TokenLogprob[] | undefined;
  /** The row whose own token is unknown, where that is why no more was decided. */
  readonly open?: number;
  /**
   * The target's own tokens behind the first wrong draft token and behind each that follows that one, where `Scores`
   * knows them cheaply. The pass computed their rows in vain, but an answer often comes back to what was drafted.
   */
  readonly recycled?: readonly (number | null)[] | undefined;
  /** Target passes that it took, 1 unless an engine had to ask again. */
  readonly passes?: number;
  /** Tokens of the timeline that the engine found in a cache of its own, if it reports them. */
  readonly cached?: number;
}

/**
 * The rows of one target pass over a draft of K: row i after the first i draft tokens, row K + 1 + j after sibling j.
 */
export interface Scores {
  /** The target's own token after the row; null where the engine returned too little of the distribution to know it. */
  own(row: number): number | null;
  /** Whether `own` of a row that decides nothing takes no more than a look at its logits: then `recycled` is told. */
  readonly recycles?: boolean;
  /** ln p of a token under the target's plain softmax: no temperature, no filters. */
  logProbability(row: number, token: number): number;
  /** What is told of a decided token, where that was asked for. */
  tell?: ((row: number, token: number) => TokenLogprob) | undefined;
}

/**
 * @param draft K tokens
 * @param stop tokens that end the answer: nothing is decided after one
 * @param siblings of tokens of the draft
 * @returns no tokens at all where the target's own first token is unknown; a draft does not change that
 */
export function accept(
  scores: Scores,
  draft: readonly number[],
  rule: Rule,
  stop: ReadonlySet<number>,
  siblings: readonly Sibling[] = [],
): Decision {
  const tokens: number[] = [];
  const told = (decided: readonly number[], kept: number, rows?: readonly number[]): Decision => {
    const logprobs = scores.tell && decided.map((id, i) => scores.tell!(rows?.[i] ?? i, id));
    return { kept, tokens: decided, ...(logprobs && { logprobs }) };
  };
  const recycledFrom = (wrong: number): Pick<Decision, "recycled"> =>
    scores.recycles && wrong < draft.length
      ? { recycled: draft.slice(wrong).map((_, n) => scores.own(wrong + n + 1)) }
      : {};
  for (let i = 0; ; i++) {
    const own = scores.own(i);
    const proposed = draft[i];
    if (own === null) return { ...told(tokens, i), open: i };
    const keep =
      proposed !== undefined &&
      (proposed === own || (rule.kind === "bild" && -scores.logProbability(i, proposed) <= rule.alphaRollback));
    if (!keep) {
      const sibling = siblings.findIndex(({ at, id }) => at === i && id === own);
      const isLast = stop.has(own);
      const recycled = isLast ? {} : recycledFrom(i);
      if (sibling < 0) return { ...told([...tokens, own], i), ...recycled };
      const row = draft.length + 1 + sibling;
      const next = isLast ? null : scores.own(row);
      const rows = [...Array.from({ length: i + 1 }, (_, n) => n), row];
      const decision = { ...told([...tokens, own, ...(next === null ? [] : [next])], i + 1, rows), ...recycled };
      return next === null && !isLast ? { ...decision, open: row } : decision;
    }
    tokens.push(proposed);
    if (stop.has(proposed)) return told(tokens, i + 1);
  }
}

/** The position of the token that each row gives, for a pass over a draft of K at `position` and its siblings. */
export const positionsOf = (position: number, K: number, siblings: readonly Sibling[]): number[] => [
  ...Array.from({ length: K + 1 }, (_, i) => position + i),
  ...siblings.map(({ at }) => position + at + 1),
];

/** The draft's tokens that a row stands behind. */
export function pathTo(row: number, draft: readonly number[], siblings: readonly Sibling[]): readonly number[] {
  const sibling = siblings[row - draft.length - 1];
  return sibling ? [...draft.slice(0, sibling.at), sibling.id] : draft.slice(0, row);
}

/** How each row's logits are shaped; undefined where none are. */
export function shapesOf(
  shapers: Shapers | undefined,
  timeline: readonly number[],
  draft: readonly number[],
  siblings: readonly Sibling[] = [],
): Shapes | undefined {
  if (!shapers) return undefined;
  // Rows are asked for one by one, and few of them behind the first wrong token.
  return (row) => shapers.after([...timeline, ...pathTo(row, draft, siblings)]);
}

type Shapes = (row: number) => Shape;

/**
 * Scores from all logits of a pass.
 *
 * @param rows (positions.length, V)
 * @param positions as `positionsOf` returns them
 * @param logprobs how many of the likeliest tokens are told of each position
 */
export function fullScores(
  rows: Float32Array,
  V: number,
  sampling: Sampling,
  positions: readonly number[],
  shapes?: Shapes,
  logprobs?: number,
): Scores {
  const row = (i: number) => rows.subarray(i * V, (i + 1) * V);
  return {
    own: (i) => chooseToken(shapes ? applied(shapes(i), row(i)) : row(i), sampling, positions[i]!),
    recycles: !shapes,
    logProbability: (i, token) => logProbability(row(i), token),
    ...(logprobs !== undefined && { tell: (i, token) => tokenLogprob(row(i), token, logprobs) }),
  };
}

/** A row after its change. The row itself stays, for whoever asks for probabilities. */
function applied(shape: Shape, row: Float32Array): Float32Array {
  if (shape.isNone) return row;
  const copy = row.slice();
  shape.apply(copy);
  return copy;
}

/**
 * Scores from the likeliest tokens of each row.
 *
 * @param logProbabilities ln p of the draft's tokens, (K); empty for an engine that does not offer BiLD's rule
 * @param V size of the vocabulary
 * @param positions as `positionsOf` returns them
 * @param logprobs how many of the likeliest tokens are told of each position
 */
export function partialScores(
  rows: readonly Likeliest[],
  logProbabilities: readonly number[],
  V: number,
  sampling: Sampling,
  positions: readonly number[],
  shapes?: Shapes,
  logprobs?: number,
): Scores {
  const known = (i: number) => (shapes ? shaped(rows[i]!, V, shapes(i)) : rows[i]!);
  return {
    own(i) {
      const likeliest = known(i);
      return likeliest && chooseAmong(likeliest, V, sampling, positions[i]!);
    },
    recycles: !shapes,
    logProbability: (i) => logProbabilities[i] ?? Number.NEGATIVE_INFINITY,
    ...(logprobs !== undefined && { tell: (i, token) => toldOf(rows[i]!, token, logprobs) }),
  };
}
