/** Questions of many kinds for a target, from models/distil. */
import { fromDistil } from "./from-distil.ts";

/** What a target is asked about. */
export const SUBJECTS = ["general", "code"] as const;
export type Subject = (typeof SUBJECTS)[number];

interface General {
  questions(count: number, seed: number, sources: object): Iterable<readonly string[]>;
}

interface Code {
  codeQuestions(count: number, seed: number, snippets: readonly object[]): Iterable<readonly string[]>;
}

/**
 * `count` questions, each the user's turns of a conversation. The same seed and snippets give the same questions.
 * @param snippets of code, which questions about code are then mostly about
 */
export async function askedQuestions(
  subject: Subject,
  count: number,
  seed: number,
  snippets: readonly object[],
): Promise<readonly (readonly string[])[]> {
  if (subject === "code") return [...(await fromDistil<Code>("code-questions")).codeQuestions(count, seed, snippets)];
  const { questions } = await fromDistil<General>("questions");
  return [...questions(count, seed, { passages: [], topics: [], sentences: [] })];
}
