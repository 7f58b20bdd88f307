/**
 * Which draft tokens one target pass keeps, and what the target puts after them.
 *
 * Exact rule. Let f(i) be the target's own token at position i given everything decided before it: `chooseToken` of the
 * row that the pass computed there. Keep a draft token while it equals f(i); at the first that does not, put f(i) and
 * stop; after a fully kept draft put f of the last row. By induction on i every decided token is f of the decided prefix,
 * and that is also what decoding without a draft gives: row i was computed from exactly that prefix, f depends on
 * nothing else, and the noise is keyed by (seed, position). So the output does not depend on the draft, for any sampling.
 * (Greedy: Leviathan et al. 2023, arXiv 2211.17192 §2; sampled with shared noise: Daliri et al. 2024.)
 *
 * BiLD rule (Kim et al. 2023, arXiv 2302.07863 §3.3). Also keep a token x whose −ln p(x) ≤ alphaRollback, p the
 * target's plain softmax as in the paper's code: temperature and filters do not enter. Lossy. The paper runs the target
 * again after a rollback; here the row that rejected x gives the target's own token, so a rollback costs one pass.
 */
import { chooseToken, logProbability } from "./sample.ts";
import type { Rule, Sampling } from "./types.ts";

export interface Decision {
  /** How many draft tokens were kept; they are the first of `tokens`. */ readonly kept: number;
  /** What is decided: those kept, then the target's own token unless a kept token ended the answer. */
  readonly tokens: readonly number[];
}

/**
 * @param rows (K + 1, V) logits of one pass over the last decided token and the draft; row i is for `position` + i
 * @param draft K tokens for the positions from `position` on
 * @param stop tokens that end the answer: nothing is decided after one
 */
export function accept(
  rows: Float32Array,
  draft: readonly number[],
  position: number,
  sampling: Sampling,
  rule: Rule,
  stop: ReadonlySet<number>,
): Decision {
  const V = rows.length / (draft.length + 1);
  const tokens: number[] = [];
  for (let i = 0; ; i++) {
    const row = rows.subarray(i * V, (i + 1) * V);
    const own = chooseToken(row, sampling, position + i);
    const proposed = draft[i];
    const keep =
      proposed !== undefined &&
      (proposed === own || (rule.kind === "bild" && -logProbability(row, proposed) <= rule.alphaRollback));
    if (!keep) return { kept: i, tokens: [...tokens, own] };
    tokens.push(proposed);
    if (stop.has(proposed)) return { kept: i + 1, tokens };
  }
}
