/** A file of questions for a target. */
import path from "node:path";
import * as z from "zod";
import { OutriderError } from "../../core/model/errors.ts";
import { isLines, readTextFile } from "./text-file.ts";

interface ListedQuestion {
  /** The user's turns of a conversation, one after each answer. */
  readonly turns: readonly string[];
  /** The file and the line, in words. */
  readonly where: string;
}

const turns = z.array(z.string().min(1)).min(1);
const lineSchema = z.union([
  z.object({ turns }).transform((line) => line.turns),
  z.object({ prompt: z.string().min(1) }).transform((line) => [line.prompt]),
]);

/**
 * Each line of a text file is a question; lines of JSON (.jsonl, also .gz) are `{"turns": [text, …]}`, as in Spec-Bench,
 * or `{"prompt": text}`. Throws `bad_prompts` naming the line, or a file without any.
 */
export async function readQuestionFile(file: string): Promise<ListedQuestion[]> {
  const name = path.basename(file);
  const lines = (await readTextFile(file)).split("\n").map((line) => line.trim());
  const questions = lines.flatMap((line, n): ListedQuestion[] => {
    if (line === "") return [];
    const where = `${name}, line ${n + 1}`;
    return [{ turns: isLines(file) ? turnsOf(line, where) : [line], where }];
  });
  if (questions.length === 0) throw new OutriderError("bad_prompts", `${name}: there is no question in it`);
  return questions;
}

function turnsOf(line: string, where: string): string[] {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw new OutriderError("bad_prompts", `${where}: it is not JSON; a file of plain questions is called NAME.txt`);
  }
  const { success, data } = lineSchema.safeParse(json);
  if (success) return data;
  throw new OutriderError("bad_prompts", `${where}: neither {"turns": [text, …]} nor {"prompt": text}`);
}
