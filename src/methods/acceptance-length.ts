/**
 * What a draft is worth, from which of the target's tokens it predicts. As long as a draft is right its own context is
 * the target's text, so teacher-forced predictions tell exactly how long every draft would have lasted.
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
 * Tokens per target pass when `drafted` tokens are proposed before each: a pass keeps the run of right ones and adds
 * one of the target's own. Leviathan et al. 2023 §3.1, counted instead of assumed independent.
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
