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

/** A line of a .jsonl file: token ids of what the target was asked and what it wrote, or a text. */
interface Line {
  readonly prompt?: number[];
  readonly answer?: number[];
  readonly text?: string;
}

async function readTokens(file: string, tokenizer: Tokenizer): Promise<number[]> {
  if (!isJsonl(file)) return tokenizer.encode(await readPlain(file));
  return (await readLines(file)).flatMap(({ prompt = [], answer, text }, n) => {
    if (answer) return [...prompt, ...answer];
    if (text !== undefined) return tokenizer.encode(text);
    throw new OutriderError("bad_text", `${path.basename(file)}, line ${n + 1}: neither "answer" nor "text"`);
  });
}

/** The lines of a .jsonl file (.gz too); none of any other. */
export async function readLines(file: string): Promise<Line[]> {
  if (!isJsonl(file)) return [];
  const text = await readPlain(file);
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
}

const isJsonl = (file: string): boolean => /\.jsonl(\.gz)?$/.test(file);

async function readPlain(file: string): Promise<string> {
  const bytes = await readFile(file);
  return (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString();
}
