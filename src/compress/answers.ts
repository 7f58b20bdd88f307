/**
 * Texts that say which of their tokens the target wrote: what agreement with the target is measured on. Each is a context of
 * its own, as a conversation is, unlike windows (windows.ts), which cut where they end.
 */
import { isLines, readLines } from "./text-file.ts";

export interface AnsweredText {
  /** Prompt and answer. */ readonly tokens: readonly number[];
  /** Where the answer begins. */ readonly first: number;
}

/** Tokens of a longest text; longer ones are left out, so that the time of a pass is spent on many prompts. */
const LONGEST = 256;
/** Tokens of answers that are enough: a share of them is known to about a hundredth. */
const POSITIONS = 2000;

/**
 * Texts of a .jsonl file (.gz too) of `{"prompt": ids, "answer": ids}`, spread evenly over it, until their answers have
 * POSITIONS tokens. None of a file that tells no answers apart.
 */
export async function readAnswers(file: string): Promise<AnsweredText[]> {
  const usable = (isLines(file) ? await readLines(file) : [])
    .flatMap(({ prompt = [], answer = [] }) => ({ tokens: [...prompt, ...answer], first: Math.max(1, prompt.length) }))
    .filter(({ tokens, first }) => tokens.length > first && tokens.length <= LONGEST);
  const all = usable.reduce((sum, { tokens, first }) => sum + tokens.length - first, 0);
  const stride = Math.max(1, Math.floor(all / POSITIONS));
  const chosen: AnsweredText[] = [];
  let left = POSITIONS;
  for (let n = 0; n < usable.length && left > 0; n += stride) {
    chosen.push(usable[n]!);
    left -= usable[n]!.tokens.length - usable[n]!.first;
  }
  return chosen;
}
