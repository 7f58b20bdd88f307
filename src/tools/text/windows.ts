/** Text as windows of tokens, which calibration and evaluation run on. */
import path from "node:path";
import { OutriderError } from "../../core/model/errors.ts";
import type { Tokenizer } from "../../core/model/tokenizer.ts";
import { badLine, readText, type Text } from "./text-file.ts";

/** Reads a file and cuts its tokens into windows. Throws what `readText`, `tokensOf` and `cutWindows` throw. */
export async function readWindows(
  file: string,
  tokenizer: Tokenizer,
  first: number,
  count: number,
  length: number,
): Promise<number[][]> {
  return cutWindows(file, tokensOf(await readText(file), tokenizer), first, count, length);
}

/**
 * All tokens of a text. Plain text is encoded without a beginning-of-sequence token. Lines lie end to end:
 * `{"prompt": ids, "answer": ids}`, or `{"text": …}`. Throws `bad_text` for a line with neither.
 */
export function tokensOf(text: Text, tokenizer: Tokenizer): number[] {
  if (!text.lines) return tokenizer.encode(text.plain);
  return text.lines.flatMap(({ prompt = [], answer, text: own }, n) => {
    if (answer) return [...prompt, ...answer];
    if (own !== undefined) return tokenizer.encode(own);
    throw badLine(text.file, n, 'neither "answer" nor "text"');
  });
}

/**
 * Windows `first` … `first + count − 1` of `length` tokens each, out of the tokens of `file`. Throws `text_too_short`
 * where there are fewer.
 */
export function cutWindows(
  file: string,
  tokens: readonly number[],
  first: number,
  count: number,
  length: number,
): number[][] {
  const whole = Math.floor(tokens.length / length);
  if (first + count > whole) {
    throw new OutriderError(
      "text_too_short",
      `${path.basename(file)} has ${whole} windows of ${length} tokens, ${first + count} are asked for; ` +
        "take a longer text, or fewer or shorter windows",
    );
  }
  return Array.from({ length: count }, (_, n) => tokens.slice((first + n) * length, (first + n + 1) * length));
}
