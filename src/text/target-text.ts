/** Text that a target wrote, answer by answer: what agreement with it is measured on. Each is a context of its own, unlike windows. */
import path from "node:path";
import { OutriderError } from "../model/errors.ts";
import { badLine, isLines, readLines } from "./text-file.ts";

/** In token ids. */
export interface TargetAnswer {
  /** What came before, at least one token. */ readonly prompt: readonly number[];
  readonly answer: readonly number[];
}

/** Tokens of a longest text; longer ones are left out, so that the time of a pass is spent on many prompts. */
const LONGEST = 256;
/** Tokens of answers that are enough: a share of them is known to about a hundredth. */
const POSITIONS = 2000;

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

/**
 * Answers spread evenly over a .jsonl file (.gz too) until they have POSITIONS tokens, for measuring many times. None of a
 * file that tells no answers apart.
 */
export async function sampleAnswers(file: string): Promise<TargetAnswer[]> {
  const usable = (isLines(file) ? await readLines(file) : []).flatMap(({ prompt = [], answer = [] }) =>
    prompt.length > 0 && answer.length > 0 && prompt.length + answer.length <= LONGEST ? [{ prompt, answer }] : [],
  );
  const all = usable.reduce((sum, { answer }) => sum + answer.length, 0);
  const stride = Math.max(1, Math.floor(all / POSITIONS));
  const chosen: TargetAnswer[] = [];
  let left = POSITIONS;
  for (let n = 0; n < usable.length && left > 0; n += stride) {
    chosen.push(usable[n]!);
    left -= usable[n]!.answer.length;
  }
  return chosen;
}
