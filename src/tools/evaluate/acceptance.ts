/** A draft's acceptance on text of its target, teacher-forced. methods/acceptance-length.ts says why that suffices. */
import { agreementRate, tokensPerPass } from "../compress/methods/acceptance-length.ts";
import { isLoop } from "../text/loops.ts";
import type { TargetAnswer } from "../text/target-text.ts";

export interface Acceptance {
  readonly answers: number;
  readonly tokens: number;
  /** Share of tokens that are the draft's argmax. */
  readonly agreement: number;
  /** Tokens per target pass with 4 and with 8 drafted. */
  readonly tokensPerPass4: number;
  readonly tokensPerPass8: number;
}

/** Acceptance on all answers, and on those that are no loops; the latter is absent where there are none. */
export function acceptances(
  answers: readonly TargetAnswer[],
  hits: readonly (readonly boolean[])[],
): { acceptance: Acceptance; acceptanceWithoutLoops?: Acceptance } {
  const straight = hits.filter((_, n) => !isLoop(answers[n]!.answer));
  return {
    acceptance: acceptanceOf(hits),
    ...(straight.length > 0 && { acceptanceWithoutLoops: acceptanceOf(straight) }),
  };
}

const acceptanceOf = (hits: readonly (readonly boolean[])[]): Acceptance => ({
  answers: hits.length,
  tokens: hits.reduce((sum, { length }) => sum + length, 0),
  agreement: agreementRate(hits),
  tokensPerPass4: tokensPerPass(hits, 4),
  tokensPerPass8: tokensPerPass(hits, 8),
});
