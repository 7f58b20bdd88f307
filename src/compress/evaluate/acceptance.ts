/** What a draft is worth on text that its target wrote, teacher-forced (methods/acceptance.ts says why that is enough). */
import type { TokenRows } from "../../model/token-rows.ts";
import type { FloatLlama } from "../calibrate/float-llama.ts";
import { answers as modelAnswers } from "../calibrate/perplexity.ts";
import { agreementRate, tokensPerPass } from "../methods/acceptance.ts";
import { isLoop } from "../methods/loops.ts";
import type { TargetAnswer } from "./target-text.ts";

export interface Acceptance {
  readonly answers: number;
  readonly tokens: number;
  /** Share of tokens that are the draft's argmax. */ readonly agreement: number;
  /** Tokens a target pass, with 4 and with 8 drafted before each. */
  readonly tokensPerPass4: number;
  readonly tokensPerPass8: number;
}

/** Answers that run at once, padded to the longest of them. */
const BATCH = 16;

/** Per answer and token of it, whether the draft's argmax is that token; `rows` are the draft's. Calls `done` with how many answers are. */
export async function hitsOf(
  llama: FloatLlama,
  rows: TokenRows,
  answers: readonly TargetAnswer[],
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
    for await (const { argmax } of modelAnswers(llama, windows)) {
      const n = batch[at++]!;
      const { prompt, answer } = answers[n]!;
      hits[n] = answer.map((token, t) => rows.idOf(argmax[prompt.length - 1 + t]!) === token);
      done(first + at);
    }
  }
  return hits;
}

/** Of all answers, and of those that are no loops; none where no answer is left. */
export function acceptances(
  answers: readonly TargetAnswer[],
  hits: readonly (readonly boolean[])[],
): { acceptance: Acceptance; acceptanceWithoutLoops?: Acceptance } {
  const straight = hits.filter((_, n) => !isLoop(answers[n]!.answer));
  return {
    acceptance: acceptanceOf(hits),
    ...(straight.length > 0 && { acceptanceWithoutLoops: acceptanceOf(straight) }),
  };
}

const acceptanceOf = (hits: readonly (readonly boolean[])[]): Acceptance => ({
  answers: hits.length,
  tokens: hits.reduce((sum, { length }) => sum + length, 0),
  agreement: agreementRate(hits),
  tokensPerPass4: tokensPerPass(hits, 4),
  tokensPerPass8: tokensPerPass(hits, 8),
});
