/** How well a model predicts what the target wrote, each text a context of its own (answers.ts). */
import { OutriderError } from "../../model/errors.ts";
import type { AnsweredText } from "../answers.ts";
import { agreementRate } from "../methods/acceptance.ts";
import type { FloatLlama } from "./float-llama.ts";
import { answers } from "./perplexity.ts";

/** Share of the answers' tokens that are the argmax of the model with only these blocks. Rejects with `no_answers` for no text. */
export async function agreement(
  llama: FloatLlama,
  texts: readonly AnsweredText[],
  layers: readonly number[],
): Promise<number> {
  if (texts.length === 0) {
    throw new OutriderError(
      "no_answers",
      'agreement is counted on what the target wrote, and this text does not say what that is; make one of {"prompt", "answer"} lines with `outrider corpus`',
    );
  }
  const longest = Math.max(...texts.map(({ tokens }) => tokens.length));
  // What follows a text changes nothing before it.
  const windows = texts.map(({ tokens }) => [...tokens, ...Array<number>(longest - tokens.length).fill(0)]);
  const hits: boolean[][] = [];
  for await (const { argmax } of answers(llama, windows, undefined, layers)) {
    const { tokens, first } = texts[hits.length]!;
    hits.push(tokens.slice(first).map((token, n) => argmax[first + n - 1] === token));
  }
  return agreementRate(hits);
}
