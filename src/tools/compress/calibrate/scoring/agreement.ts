/**
 * How well a model predicts what the target wrote, teacher-forced. `methods/acceptance-length.ts` says why that
 * suffices.
 */

import { OutriderError } from "../../../../core/model/errors.ts";
import type { TokenRows } from "../../../../core/model/token-rows.ts";
import type { TargetAnswer } from "../../../text/target-text.ts";
import { agreementRate } from "../../methods/acceptance-length.ts";
import type { FloatLlama } from "../float-llama.ts";
import { Beginnings } from "./beginnings.ts";
import { type Answers, headAnswers, answers as modelAnswers } from "./perplexity.ts";

/** Answers that run together, padded to the longest of them. */
const BATCH = 16;

/** Some of the answers, by their numbers, with prompts and answers as windows of the model's rows. */
interface Batch {
  readonly numbers: readonly number[];
  readonly windows: readonly number[][];
}

function batchesOf(rows: TokenRows, answers: readonly TargetAnswer[]): Batch[] {
  const size = ({ prompt, answer }: TargetAnswer): number => prompt.length + answer.length;
  // Answers of similar length run together, so that little is padding.
  const order = [...answers.keys()].sort((a, b) => size(answers[b]!) - size(answers[a]!));
  return Array.from({ length: Math.ceil(order.length / BATCH) }, (_, n) => {
    const numbers = order.slice(n * BATCH, (n + 1) * BATCH);
    const longest = size(answers[numbers[0]!]!);
    const windows = numbers.map((number) => {
      const { prompt, answer } = answers[number]!;
      const own = [...prompt, ...answer].map((token) => rows.rowOf(token));
      // Padding is on the right, where no position that counts attends to it.
      return [...own, ...new Array<number>(longest - own.length).fill(own[0]!)];
    });
    return { numbers, windows };
  });
}

/** For each token of an answer, whether it is the argmax in `predicted`, the model's output on its window. */
const hitsIn = (rows: TokenRows, { prompt, answer }: TargetAnswer, predicted: Answers): boolean[] =>
  answer.map((token, t) => rows.idOf(predicted.argmax[prompt.length - 1 + t]!) === token);

/**
 * For each token of each answer, whether it is the model's argmax. `rows` are the model's. Calls `done` with the number
 * of answers so far.
 */
export async function hitsOf(
  llama: FloatLlama,
  rows: TokenRows,
  answers: readonly TargetAnswer[],
  done: (answers: number) => void = () => {},
): Promise<boolean[][]> {
  const hits: boolean[][] = answers.map(() => []);
  let count = 0;
  for (const { numbers, windows } of batchesOf(rows, answers)) {
    let at = 0;
    for await (const predicted of modelAnswers(llama, windows)) {
      const number = numbers[at++]!;
      hits[number] = hitsIn(rows, answers[number]!, predicted);
      done(++count);
    }
  }
  return hits;
}

/** Measures one model on the same answers again and again, each time with other blocks. */
export class Agreement {
  readonly #llama: FloatLlama;
  readonly #rows: TokenRows;
  readonly #answers: readonly TargetAnswer[];
  readonly #batches: readonly (Batch & { readonly beginnings: Beginnings })[];

  /** Throws `no_answers` where there are none. */
  constructor(llama: FloatLlama, rows: TokenRows, answers: readonly TargetAnswer[]) {
    if (answers.length === 0) {
      throw new OutriderError(
        "no_answers",
        "agreement is counted on answers of the target, and this text does not tell them apart; " +
          'make one of {"prompt", "answer"} lines with `outrider corpus`',
      );
    }
    this.#llama = llama;
    this.#rows = rows;
    this.#answers = answers;
    this.#batches = batchesOf(rows, answers).map((batch) => ({
      ...batch,
      beginnings: new Beginnings(llama, batch.windows),
    }));
  }

  release(): void {
    for (const { beginnings } of this.#batches) beginnings.release();
  }

  /** Share of the answers' tokens that are the argmax of the model with only these blocks. */
  async of(layers: readonly number[]): Promise<number> {
    const hits: boolean[][] = [];
    for (const { numbers, beginnings } of this.#batches) {
      const hidden = await beginnings.behind(layers);
      let at = 0;
      for await (const predicted of headAnswers(this.#llama, hidden)) {
        hits.push(hitsIn(this.#rows, this.#answers[numbers[at++]!]!, predicted));
      }
      this.#llama.releaseHidden(hidden);
    }
    return agreementRate(hits);
  }
}
