/**
 * Acceptance of a draft, from teacher-forced predictions. As long as a draft is right, its context is the target's
 * text. Predictions on that text therefore give exactly the number of tokens of every draft that the target accepts.
 */

/** Share of positions where the draft's argmax is the target's token. */
export function agreementRate(answers: readonly (readonly boolean[])[]): number {
  let hits = 0;
  let total = 0;
  for (const answer of answers) {
    for (const hit of answer) if (hit) hits++;
    total += answer.length;
  }
  return hits / total;
}

/**
 * Acceptance length: tokens per target forward pass, when `drafted` tokens are proposed for each. A pass accepts the
 * run of right tokens and adds one of the target's own. Leviathan et al. 2023 §3.1, counted instead of assumed
 * independent.
 */
export function tokensPerPass(answers: readonly (readonly boolean[])[], drafted: number): number {
  let tokens = 0;
  let passes = 0;
  for (const answer of answers) {
    for (let at = 0; at < answer.length; passes++) {
      let run = 0;
      while (run < drafted && at + run < answer.length && answer[at + run]) run++;
      at += run + 1;
    }
    tokens += answer.length;
  }
  return tokens / passes;
}
