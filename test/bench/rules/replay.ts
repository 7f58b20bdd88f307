/**
 * Recorded answers, decided again under a rule for the length of drafts. The origin waits for each draft, and goes on
 * by itself where there is none. Nothing is drafted while it verifies.
 *
 *   a draft of K   R + K·t + T·r(K + 1) milliseconds, min(K, kept) + 1 tokens
 *   no draft       T milliseconds, 1 token
 *   a try          the same: the draft comes too late, and only shows what would have been kept
 *
 * R is a function of where in the text a round begins, so that all rules meet the same weather and an oracle can look
 * ahead.
 */
import { type Answer, CHAIN } from "./trace.ts";

/** What rounds cost, in ms. */
export interface Setting {
  readonly draftStepMs: number;
  /** A target pass over so many positions. */
  passMs(positions: number): number;
  /** The round trip of a round that begins at the n-th position of the text. */
  roundTripMs(n: number): number;
}

/** What a rule sees of a round that is over. */
export interface Round {
  /** Of the tokens that were sent. */
  readonly confidences: readonly number[];
  /** How many of them the target kept. */
  readonly kept: number;
  /** Tokens that were drafted, sent or not. */
  readonly drafted: number;
  readonly late: boolean;
  /** Nothing was measured without a draft. */
  readonly roundTripMs: number | undefined;
  readonly draftStepMs: number;
  readonly passMs: number;
}

export interface LengthRule {
  /** Another answer begins. */
  begin?(): void;
  /** Whether to draft one more token behind those of these confidences; none at the beginning of a round. */
  more(confidences: readonly number[]): boolean;
  /** Whether this round is a try, for which the origin does not wait. Asked before anything is drafted. */
  tries?(): boolean;
  /** How many of the drafted tokens are sent; all unless it says. */
  sends?(confidences: readonly number[]): number;
  learn(round: Round): void;
}

/** Tokens of a round. */
interface Lengths {
  readonly drafted: number;
  readonly sent: number;
  readonly late?: boolean;
}

/** What decides a round instead of a rule: an oracle that may know the round trip of the round. */
export type Length = (confidences: readonly number[], roundTripMs: number) => Lengths;

/** Milliseconds that all answers take under a rule that learns from one to the next. */
export function replay(answers: readonly Answer[], setting: Setting, rule: LengthRule): number {
  const length: Length = (confidences) => {
    const late = rule.tries?.() ?? false;
    let K = 0;
    while (K < CHAIN && rule.more(confidences.slice(0, K))) K++;
    return { drafted: K, sent: K === 0 ? 0 : (rule.sends?.(confidences.slice(0, K)) ?? K), late };
  };
  return replayLengths(
    answers,
    setting,
    length,
    (round) => rule.learn(round),
    () => rule.begin?.(),
  );
}

/** Milliseconds that all answers take when `length` says how long each draft is. */
export function replayLengths(
  answers: readonly Answer[],
  setting: Setting,
  length: Length,
  over: (round: Round) => void = () => {},
  begin: () => void = () => {},
): number {
  const { draftStepMs } = setting;
  let ms = 0;
  let before = 0;
  for (const { chains } of answers) {
    begin();
    for (let at = 0; at < chains.length; ) {
      const chain = chains[at]!;
      const roundTripMs = setting.roundTripMs(before + at);
      const { drafted, sent, late = false } = length(chain.confidences, roundTripMs);
      const kept = Math.min(sent, chain.kept);
      const passMs = setting.passMs(late ? 1 : sent + 1);
      ms += (drafted > 0 && !late ? roundTripMs + drafted * draftStepMs : 0) + passMs;
      at += late ? 1 : kept + 1;
      const measured = drafted > 0 ? roundTripMs : undefined;
      const confidences = chain.confidences.slice(0, sent);
      over({ confidences, kept, drafted, late, roundTripMs: measured, draftStepMs, passMs });
    }
    before += chains.length;
  }
  return ms;
}

/** Tokens that a replay decides. */
export const tokensOf = (answers: readonly Answer[]): number =>
  answers.reduce((sum, { chains }) => sum + chains.length, 0);
