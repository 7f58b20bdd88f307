/** Questions to ask a running service: Spec-Bench's, {category, turns: [text, …]} a line, or our own prompts. */
import { readFileSync } from "node:fs";
import { PROMPTS } from "../cases/prompts.ts";

export interface Question {
  readonly category: string;
  readonly text: string;
}

/** The first turns of a file's questions, in its order; without a file those of `own`. */
export function questionsIn(file: string | undefined, own: readonly string[] = PROMPTS): Question[] {
  if (file === undefined) return own.map((text) => ({ category: "own prompts", text }));
  return readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { category: string; turns: string[] })
    .map(({ category, turns }) => ({ category, text: turns[0] as string }));
}

/** Five kinds of answers: a list, prose, code, a translation, a story. */
export const FIVE_QUESTIONS: readonly string[] = [
  "Give three tips for better sleep.",
  "Describe the water cycle.",
  "Write a Python function that reverses a string.",
  "Translate into German: The weather is nice today, and we are going to the lake.",
  "Continue the story: Once upon a time, a small robot woke up in a forest.",
];
