/** How well a model predicts what the target wrote, teacher-forced (methods/acceptance.ts says why that is enough). */
import { OutriderError } from "../../model/errors.ts";
import type { TokenRows } from "../../model/token-rows.ts";
import { agreementRate } from "../methods/acceptance.ts";
import type { TargetAnswer } from "../target-text.ts";
import type { FloatLlama } from "./float-llama.ts";
import { answers as modelAnswers } from "./perplexity.ts";

/** Answers that run at once, padded to the longest of them. */
const BATCH = 16;

/**
 * Per answer and token of it, whether the model's argmax is that token; `rows` are the model's, `layers` the blocks that
 * run, all unless told otherwise. Calls `done` with how many answers are.
 */
export async function hitsOf(
  llama: FloatLlama,
  rows: TokenRows,
  answers: readonly TargetAnswer[],
  layers?: readonly number[],
  done: (answers: number) => void = () => {},
): Promise<boolean[][]> {
  const hits: boolean[][] = answers.map(() => []);
  const size = ({ prompt, answer }: TargetAnswer): number => prompt.length + answer.length;
  // Alike ones together, so that little is padded.
  const order = [...answers.keys()].sort((a, b) => size(answers[b]!) - size(answers[a]!));
  for (let first = 0; first < order.length; first += BATCH) {
    const batch = order.slice(first, first + BATCH);
    const longest = size(answers[batch[0]!]!);
    const windows = batch.map((n) => {
      const { prompt, answer } = answers[n]!;
      const own = [...prompt, ...answer].map((token) => rows.rowOf(token));
      // At the right end, where nothing that counts looks.
      return [...own, ...new Array<number>(longest - own.length).fill(own[0]!)];
    });
    let at = 0;
    for await (const { argmax } of modelAnswers(llama, windows, undefined, layers)) {
      const n = batch[at++]!;
      const { prompt, answer } = answers[n]!;
      hits[n] = answer.map((token, t) => rows.idOf(argmax[prompt.length - 1 + t]!) === token);
      done(first + at);
    }
  }
  return hits;
}

/** Share of the answers' tokens that are the argmax of the model with only these blocks. Rejects with `no_answers` for no text. */
export async function agreement(
  llama: FloatLlama,
  rows: TokenRows,
  answers: readonly TargetAnswer[],
  layers: readonly number[],
): Promise<number> {
  if (answers.length > 0) return agreementRate(await hitsOf(llama, rows, answers, layers));
  throw new OutriderError(
    "no_answers",
    'agreement is counted on what the target wrote, and this text does not say what that is; make one of {"prompt", "answer"} lines with `outrider corpus`',
  );
}
