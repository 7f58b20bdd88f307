/** Questions of many kinds for a target, from models/distil. */
import path from "node:path";
import { pathToFileURL } from "node:url";
import { PACKAGE } from "../platform/places.ts";

interface Asking {
  questions(count: number, seed: number, sources: object): Iterable<readonly string[]>;
}

/** `count` questions, each the user's turns of a conversation. The same seed gives the same questions. */
export async function askedQuestions(count: number, seed: number): Promise<readonly (readonly string[])[]> {
  const module = pathToFileURL(path.join(PACKAGE, "models/distil/questions.ts")).href;
  const { questions } = (await import(module)) as Asking;
  return [...questions(count, seed, { passages: [], topics: [], sentences: [] })];
}
