/** A few questions that stand for many: what drafts gain depends on the text more than on anything else. */
import type { Recorded } from "./recorded-questions.ts";
import { type Drafted, draftAt, draftedAnswers } from "./replayed-drafts.ts";

/** Draft tokens of a pass at most, where answers are compared. */
const DRAFTED = 8;

/**
 * Sorts the questions by the passes that the default draft leaves of their answers' first `tokens` tokens, and takes
 * the middle one of each of `count` equal parts.
 */
export async function representative(
  questions: readonly Recorded[],
  count: number,
  tokens: number,
): Promise<Recorded[]> {
  const { answers } = await draftedAnswers(questions, tokens);
  const sorted = questions
    .map((question, n) => ({ question, passes: passesOf(answers[n]!) }))
    .sort((a, b) => a.passes - b.passes);
  const parts = Math.min(count, sorted.length);
  return Array.from({ length: parts }, (_, n) => sorted[Math.floor(((n + 0.5) * sorted.length) / parts)]!.question);
}

function passesOf(drafted: Drafted): number {
  const { answer } = drafted;
  let passes = 0;
  for (let at = 0; at < answer.length; passes++) {
    const draft = draftAt(drafted, at, DRAFTED);
    const wrong = draft.findIndex(({ id }, n) => id !== answer[at + n]);
    at += (wrong < 0 ? draft.length : wrong) + 1;
  }
  return passes;
}
