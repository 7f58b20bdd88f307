/** Text that a target wrote, answer by answer: what a draft of it is scored on. */
import path from "node:path";
import { OutriderError } from "../../model/errors.ts";
import { badLine, isLines, readLines } from "../text-file.ts";

/** In token ids. */
export interface TargetAnswer {
  /** What came before, at least one token. */ readonly prompt: readonly number[];
  readonly answer: readonly number[];
}

/** The first `count` of a file, those that have tokens; all there are if fewer. Throws `bad_text` for what is no such file. */
export async function readAnswers(file: string, count: number): Promise<TargetAnswer[]> {
  if (!isLines(file)) {
    throw new OutriderError(
      "bad_text",
      `${path.basename(file)}: answers are lines of JSON, in a .jsonl or .jsonl.gz file`,
    );
  }
  const lines = await readLines(file);
  const all = lines.map(({ prompt = [], answer }, n) => {
    if (!answer) throw badLine(file, n, 'no "answer"; each line is {"prompt": ids, "answer": ids}');
    if (prompt.length === 0) throw badLine(file, n, 'no "prompt"; a draft predicts an answer from what is before it');
    return { prompt, answer };
  });
  const answers = all.filter(({ answer }) => answer.length > 0).slice(0, count);
  if (answers.length === 0) throw new OutriderError("text_too_short", `${path.basename(file)} has no answers`);
  return answers;
}
