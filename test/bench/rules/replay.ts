/**
 * Recorded answers, decided again under a rule for the length of drafts, at an origin that waits for each draft:
 *
 *   round   R + K·t + T·r(K + 1) milliseconds, min(K, kept) + 1 tokens
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
  readonly roundTripMs: number;
  readonly draftStepMs: number;
  readonly passMs: number;
}

export interface LengthRule {
  /** Whether to draft one more token behind those of these confidences; none at the beginning of a round. */
  more(confidences: readonly number[]): boolean;
  learn(round: Round): void;
}

/** What decides a round instead of a rule: an oracle that may know the round trip of the round. */
export type Length = (confidences: readonly number[], roundTripMs: number) => number;

/** Milliseconds that all answers take under a rule that learns from one to the next. */
export function replay(answers: readonly Answer[], setting: Setting, rule: LengthRule): number {
  const length: Length = (confidences) => {
    let K = 0;
    while (K < CHAIN && rule.more(confidences.slice(0, K))) K++;
    return K;
  };
  return replayLengths(answers, setting, length, (round) => rule.learn(round));
}

/** Milliseconds that all answers take when `length` says how long each draft is. */
export function replayLengths(
  answers: readonly Answer[],
  setting: Setting,
  length: Length,
  over: (round: Round) => void = () => {},
): number {
  const { draftStepMs } = setting;
  let ms = 0;
  let before = 0;
  for (const { chains } of answers) {
    for (let at = 0; at < chains.length; ) {
      const chain = chains[at]!;
      const roundTripMs = setting.roundTripMs(before + at);
      const K = length(chain.confidences, roundTripMs);
      const kept = Math.min(K, chain.kept);
      const passMs = setting.passMs(K + 1);
      ms += roundTripMs + K * draftStepMs + passMs;
      at += kept + 1;
      over({ confidences: chain.confidences.slice(0, K), kept, roundTripMs, draftStepMs, passMs });
    }
    before += chains.length;
  }
  return ms;
}

/** Tokens that a replay decides. */
export const tokensOf = (answers: readonly Answer[]): number =>
  answers.reduce((sum, { chains }) => sum + chains.length, 0);
