/**
 * How well a model predicts what the target wrote, teacher-forced. `methods/acceptance-length.ts` says why that
 * suffices.
 */

import { agreementRate } from "../../methods/acceptance-length.ts";
import { OutriderError } from "../../model/errors.ts";
import type { TokenRows } from "../../model/token-rows.ts";
import type { TargetAnswer } from "../../text/target-text.ts";
import type { FloatLlama } from "../float-llama.ts";
import { Beginnings } from "./beginnings.ts";
import { type Answers, headAnswers, answers as modelAnswers } from "./perplexity.ts";

/** Answers that run at once, padded to the longest of them. */
const BATCH = 16;

/** Some of the answers by number, with their prompts as windows of a model's rows. */
interface Batch {
  readonly numbers: readonly number[];
  readonly windows: readonly number[][];
}

function batchesOf(rows: TokenRows, answers: readonly TargetAnswer[]): Batch[] {
  const size = ({ prompt, answer }: TargetAnswer): number => prompt.length + answer.length;
  // Alike ones together, so that little is padded.
  const order = [...answers.keys()].sort((a, b) => size(answers[b]!) - size(answers[a]!));
  return Array.from({ length: Math.ceil(order.length / BATCH) }, (_, n) => {
    const numbers = order.slice(n * BATCH, (n + 1) * BATCH);
    const longest = size(answers[numbers[0]!]!);
    const windows = numbers.map((number) => {
      const { prompt, answer } = answers[number]!;
      const own = [...prompt, ...answer].map((token) => rows.rowOf(token));
      // At the right end, where nothing that counts looks.
      return [...own, ...new Array<number>(longest - own.length).fill(own[0]!)];
    });
    return { numbers, windows };
  });
}

/** Per token of an answer, whether a model that `said` this of its window says that token. */
const hitsIn = (rows: TokenRows, { prompt, answer }: TargetAnswer, said: Answers): boolean[] =>
  answer.map((token, t) => rows.idOf(said.argmax[prompt.length - 1 + t]!) === token);

/**
 * Per answer and token of it, whether the model's argmax is that token; `rows` are the model's. Calls `done` with how
 * many answers are.
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
    for await (const said of modelAnswers(llama, windows)) {
      const number = numbers[at++]!;
      hits[number] = hitsIn(rows, answers[number]!, said);
      done(++count);
    }
  }
  return hits;
}

/** Agreement with the same answers of one model, with these or those of its blocks. */
export class Agreement {
  readonly #llama: FloatLlama;
  readonly #rows: TokenRows;
  readonly #answers: readonly TargetAnswer[];
  readonly #batches: readonly (Batch & { readonly beginnings: Beginnings })[];

  /** Throws `no_answers` for none. */
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
      for await (const said of headAnswers(this.#llama, hidden)) {
        hits.push(hitsIn(this.#rows, this.#answers[numbers[at++]!]!, said));
      }
      this.#llama.releaseHidden(hidden);
    }
    return agreementRate(hits);
  }
}
