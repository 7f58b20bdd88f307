/** Texts of the user's as lines that a draft is taught on: corpora as they are, any other text cut into windows. */
import { existsSync } from "node:fs";
import { copyFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { OutriderError } from "../../core/model/errors.ts";
import type { Tokenizer } from "../../core/model/tokenizer.ts";
import { asLines, badLine, isLines, readLines, readText } from "../text/text-file.ts";

/** A line of a corpus, as `outrider corpus` and write.py write them. */
export interface CorpusLine {
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
  readonly temperature?: number;
  readonly split?: "train" | "held-out" | null;
}

/** Tokens of a window of text: as many as the choice of blocks takes (text/target-text.ts). */
const WINDOW = 256;
/** Tokens of a window that stand as its prompt; all of its positions are taught. */
const BEGINNING = 8;

/** Where the target's predictions of a corpus lie. */
export const taughtFile = (file: string): string => `${file}.taught`;

/** Tokens of a text of the user's. Throws what reading it throws, and `bad_text` for ids that are no tokens. */
export async function linesOf(file: string, tokenizer: Tokenizer, tokens: number): Promise<CorpusLine[]> {
  if (!isLines(file)) return windowsOf(tokenizer.encode(((await readText(file)) as { plain: string }).plain));
  const lines = await readLines<Partial<CorpusLine> & { text?: string }>(file);
  return lines.flatMap((line, n) => {
    if (line.text !== undefined) return windowsOf(tokenizer.encode(line.text));
    const { prompt, answer } = line;
    if (!Array.isArray(prompt) || !Array.isArray(answer)) {
      throw badLine(file, n, 'neither {"prompt": ids, "answer": ids} nor {"text": …}');
    }
    const stray = [...prompt, ...answer].find((id) => !(Number.isInteger(id) && id >= 0 && id < tokens));
    if (stray !== undefined) throw badLine(file, n, `${stray} is no token of the target, which has ${tokens}`);
    return [line as CorpusLine];
  });
}

/** Nobody was asked for such a text, so none of it is held out or scored. */
function windowsOf(ids: readonly number[]): CorpusLine[] {
  const lines: CorpusLine[] = [];
  for (let at = 0; at < ids.length; at += WINDOW) {
    const window = ids.slice(at, at + WINDOW);
    if (window.length < 2 * BEGINNING) continue;
    lines.push({ prompt: window.slice(0, BEGINNING), answer: window.slice(BEGINNING), temperature: 1, split: "train" });
  }
  return lines;
}

/**
 * Puts a text of the user's into the draft's folder. Predictions that lie beside a corpus come along.
 * Returns its positions, and how many of them are not judged.
 */
export async function takeText(
  file: string,
  to: string,
  tokenizer: Tokenizer,
  tokens: number,
): Promise<{ positions: number; judged: boolean }> {
  const lines = await linesOf(file, tokenizer, tokens);
  if (lines.length === 0) throw new OutriderError("text_too_short", `${path.basename(file)}: there is no text in it`);
  await writeFile(to, asLines(lines));
  const judged = existsSync(taughtFile(file));
  if (judged) await copyFile(taughtFile(file), taughtFile(to));
  return { positions: positionsOf(lines), judged };
}

/** Positions of a line that have a next token. */
export const positionsIn = ({ prompt, answer }: CorpusLine): number => prompt.length + answer.length - 1;

export const positionsOf = (lines: readonly CorpusLine[]): number =>
  lines.reduce((sum, line) => sum + positionsIn(line), 0);
