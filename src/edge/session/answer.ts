/**
 * One answer as it is decided: steps of the heart in, pieces of text out, and at the end what it took.
 * Pure but for the clock, which is passed in. It is read only after verdicts, which are I/O: in a deployed Worker the
 * clock stands still in between.
 */
import type { AnswerDelta } from "../../core/calls/family.ts";
import type { Copied, Step, Summary } from "../../core/speculate/round.ts";
import { type AnswerText, type AnswerToken, type Piece, pieceOf } from "../api/openai/stream.ts";
import type { FinishReason } from "../api/outcome.ts";
import type { Reading } from "../prompt/calling.ts";

/** What an answer took. */
export interface Tally {
  readonly finish: FinishReason;
  /** Tokens decided, the one that ended the answer included. */
  readonly predicted: number;
  readonly drafted: number;
  readonly verified: number;
  readonly thrown: number;
  readonly kept: number;
  readonly passes: number;
  readonly prediction: Copied;
  /** The target's engine verifies no drafts. */
  readonly undrafted: boolean;
  /** When the first and the last verdict arrived, ms. */
  readonly firstAt: number;
  readonly lastAt: number;
}

/**
 * Yields one piece a step, empty while text is held back. A stop string ends the answer and, by way of `steps.return`,
 * the target's work; so does leaving early.
 * @param stopIds tokens that end an answer and have no text
 * @param reading finds the calls of tools, where these are offered, and ends an answer that may make only one
 * @param maxMs ends an answer of several lines that takes longer, as its length does
 */
export async function* answer(
  steps: AsyncGenerator<Step, Summary>,
  text: AnswerText,
  stopIds: ReadonlySet<number>,
  now: () => number,
  reading: Reading | null = null,
  maxMs: number | null = null,
): AsyncGenerator<Piece, Tally> {
  let predicted = 0;
  let drafted = 0;
  let verified = 0;
  let thrown = 0;
  let kept = 0;
  let passes = 0;
  let prediction: Copied = { drafted: 0, kept: 0 };
  let firstAt = 0;
  let lastAt = 0;
  let finish: FinishReason = "stop";
  let undrafted = false;
  let lines = false;
  const over = (): boolean => text.stopped || (reading?.over ?? false);
  try {
    while (!over()) {
      const next = await steps.next();
      if (next.done) {
        ({ reason: finish, drafted, verified, thrown, passes, prediction } = next.value);
        break;
      }
      const step = next.value;
      lastAt = now();
      if (firstAt === 0) firstAt = lastAt;
      ({ drafted, verified, thrown, prediction } = step);
      passes = step.verdict.passes;
      undrafted = step.verdict.undrafted ?? false;
      const shown: AnswerToken[] = [];
      const deltas: AnswerDelta[] = [];
      for (const [i, token] of step.tokens.entries()) {
        if (over()) break;
        predicted++;
        if (token.kept) kept++;
        if (stopIds.has(token.id)) continue;
        const piece = text.push(token, passes, step.verdict.logprobs?.[i]);
        shown.push(...piece.tokens);
        if (reading) deltas.push(...reading.push(piece.text));
      }
      yield { ...pieceOf(shown), ...(reading && { deltas }) };
      lines ||= shown.some(({ text }) => text.includes("\n"));
      if (maxMs !== null && lines && !over() && lastAt - firstAt > maxMs) {
        finish = "length";
        break;
      }
    }
  } finally {
    await steps.return(undefined as never);
  }
  const last = text.end();
  if (!reading) yield last;
  else if (!reading.over) yield { ...last, deltas: [...reading.push(last.text), ...reading.end()] };
  if (reading && reading.count > 0 && finish === "stop") finish = "tool_calls";
  return { finish, predicted, drafted, verified, thrown, kept, passes, prediction, undrafted, firstAt, lastAt };
}
