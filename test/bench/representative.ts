/** A few questions that stand for many: what drafts gain depends on the text more than on anything else. */
import { tokensPerPass } from "../../src/tools/compress/methods/acceptance-length.ts";
import type { Recorded } from "./recorded-questions.ts";
import { draftedAnswers } from "./replayed-drafts.ts";

/** Draft tokens of a pass at most, where answers are compared. */
const DRAFTED = 8;

/**
 * Sorts the questions by the tokens a pass that the default draft gives on their answers' first `tokens` tokens, and
 * takes the middle one of each of `count` equal parts.
 */
export async function representative(
  questions: readonly Recorded[],
  count: number,
  tokens: number,
): Promise<Recorded[]> {
  const { answers } = await draftedAnswers(questions, tokens);
  const sorted = answers
    .map(({ answer, proposals }, n) => {
      const hits = proposals.map(({ id }, at) => id === answer[at]);
      return { question: questions[n]!, perPass: tokensPerPass([hits], DRAFTED) };
    })
    .sort((a, b) => b.perPass - a.perPass);
  const parts = Math.min(count, sorted.length);
  return Array.from({ length: parts }, (_, n) => sorted[Math.floor(((n + 0.5) * sorted.length) / parts)]!.question);
}
