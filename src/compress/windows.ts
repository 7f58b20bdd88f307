/** Text as windows of tokens: what calibration and evaluation run on. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { OutriderError } from "../model/errors.ts";
import type { Tokenizer } from "../model/tokenizer.ts";

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
  const bytes = await readFile(file);
  const text = (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString();
  if (!/\.jsonl(\.gz)?$/.test(file)) return tokenizer.encode(text);
  return text
    .split("\n")
    .filter(Boolean)
    .flatMap((line, n) => {
      const {
        prompt = [],
        answer,
        text: own,
      } = JSON.parse(line) as { prompt?: number[]; answer?: number[]; text?: string };
      if (answer) return [...prompt, ...answer];
      if (own !== undefined) return tokenizer.encode(own);
      throw new OutriderError("bad_text", `${path.basename(file)}, line ${n + 1}: neither "answer" nor "text"`);
    });
}
