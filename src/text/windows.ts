/** Text as windows of tokens: what calibration and evaluation run on. */
import path from "node:path";
import { OutriderError } from "../model/errors.ts";
import type { Tokenizer } from "../model/tokenizer.ts";
import { badLine, isLines, readLines, readTextFile } from "./text-file.ts";

/**
 * Windows `first` … `first + count − 1` of `length` tokens each, of a whole file tokenised without a first token of its own;
 * or of a .jsonl file (.gz too), its lines end to end: `{"prompt": ids, "answer": ids}`, or `{"text": …}`. Throws `text_too_short`.
 */
export async function readWindows(
  file: string,
  tokenizer: Tokenizer,
  first: number,
  count: number,
  length: number,
): Promise<number[][]> {
  const tokens = await readTokens(file, tokenizer);
  const whole = Math.floor(tokens.length / length);
  if (first + count > whole) {
    throw new OutriderError(
      "text_too_short",
      `${path.basename(file)} has ${whole} windows of ${length} tokens, ${first + count} are asked for; take a longer text, or fewer or shorter windows`,
    );
  }
  return Array.from({ length: count }, (_, n) => tokens.slice((first + n) * length, (first + n + 1) * length));
}

/** All tokens of such a file. */
export async function readTokens(file: string, tokenizer: Tokenizer): Promise<number[]> {
  if (!isLines(file)) return tokenizer.encode(await readTextFile(file));
  return (await readLines(file)).flatMap(({ prompt = [], answer, text }, n) => {
    if (answer) return [...prompt, ...answer];
    if (text !== undefined) return tokenizer.encode(text);
    throw badLine(file, n, 'neither "answer" nor "text"');
  });
}
