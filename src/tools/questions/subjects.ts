/** What a target is asked about, by the name that `outrider draft --questions` takes. */
import { codeQuestions } from "./code-questions.ts";
import { questions } from "./questions.ts";
import type { Snippet } from "./snippets.ts";

export const SUBJECTS = ["general", "code"] as const;
export type Subject = (typeof SUBJECTS)[number];

/**
 * `count` questions, each the user's turns of a conversation. The same seed and snippets give the same questions.
 * @param snippets of code, which questions about code are then mostly about
 */
export const askedQuestions = (
  subject: Subject,
  count: number,
  seed: number,
  snippets: readonly Snippet[],
): Iterable<readonly string[]> =>
  subject === "code"
    ? codeQuestions(count, seed, snippets)
    : questions(count, seed, { passages: [], topics: [], sentences: [] });
