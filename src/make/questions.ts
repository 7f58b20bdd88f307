/** Questions of many kinds for a target, from models/distil. */
import { extname } from "node:path";
import { pathToFileURL } from "node:url";
import { PACKAGE, runningFile } from "../platform/places.ts";

/** What a target is asked about. */
export const SUBJECTS = ["general", "code"] as const;
export type Subject = (typeof SUBJECTS)[number];

interface General {
  questions(count: number, seed: number, sources: object): Iterable<readonly string[]>;
}

interface Code {
  codeQuestions(count: number, seed: number, snippets: readonly object[]): Iterable<readonly string[]>;
}

/** `count` questions, each the user's turns of a conversation. The same seed gives the same questions. */
export async function askedQuestions(
  subject: Subject,
  count: number,
  seed: number,
): Promise<readonly (readonly string[])[]> {
  if (subject === "code") return [...(await load<Code>("code-questions")).codeQuestions(count, seed, [])];
  const { questions } = await load<General>("questions");
  return [...questions(count, seed, { passages: [], topics: [], sentences: [] })];
}

/** They lie outside src, so the compiled ones have a folder of their own (build.js). */
function load<T>(name: string): Promise<T> {
  const extension = extname(import.meta.url);
  const root = extension === ".ts" ? PACKAGE : `${runningFile("asking")}/`;
  return import(pathToFileURL(`${root}models/distil/${name}${extension}`).href) as Promise<T>;
}
