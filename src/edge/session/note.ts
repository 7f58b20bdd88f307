/** Why drafts were made for an answer, or were not, in words for whoever asked. */

/** What an answer was made under. */
export interface Circumstances {
  /** Whether the target computes in the drafter's own thread. */
  readonly sharedCpu: boolean;
  /** How many passes over one position a pass over eight takes. */
  readonly passesOf8: number;
  /** Tokens per target pass with the draft that is served, where its card says. */
  readonly tokensPerPass: number | undefined;
}

/** What it took. */
export interface Taken {
  readonly predicted: number;
  /** Target passes, the prompt's included. */
  readonly passes: number;
  /** Draft tokens sent. */
  readonly drafted: number;
  /** From the first token to the last, ms. */
  readonly predictedMs: number;
  /** A target pass over one position, ms. */
  readonly passMs: number;
}

/** Undefined where there is nothing to explain: drafts were made, and nothing says that they cost time. */
export function noteOf({ sharedCpu, passesOf8, tokensPerPass }: Circumstances, taken: Taken): string | undefined {
  const positions = `verifying 8 positions costs ${passesOf8.toFixed(passesOf8 < 3 ? 1 : 0)} passes`;
  if (!sharedCpu) {
    if (taken.drafted > 0) return undefined;
    return `At this origin ${positions}. Drafts were left out: they would not have saved time.`;
  }
  const target = `The target here runs on this machine's CPU, where ${positions}.`;
  if (taken.drafted === 0) {
    const share = tokensPerPass === undefined ? "" : `about ${percent(1 - 1 / tokensPerPass)} of the `;
    return `${target} Drafts are off to save your time: they would have spared ${share}passes.`;
  }
  // The prompt's pass decides the first token, with drafts or without.
  const [tokens, passes] = [taken.predicted - 1, taken.passes - 1];
  if (tokens <= 0) return target;
  const alone = seconds(tokens * taken.passMs);
  return (
    `${target} Drafts spared ${percent(1 - passes / tokens)} of the passes of this answer, which took ` +
    `${seconds(taken.predictedMs)} s; without them it would have taken about ${alone} s.`
  );
}

const percent = (share: number): string => `${Math.round(100 * share)} %`;
const seconds = (ms: number): string => (ms / 1000).toFixed(1);
