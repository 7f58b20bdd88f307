/** What the arithmetic of a Session promises in a cell of the grid: the bound that a measured speed is read beside. */

import { passesOver } from "../../src/core/speculate/pass-cost.ts";
import { acceleratorNamed } from "../../src/origin/engines/accelerators.ts";
import { PASS_COSTS } from "../../src/origin/pass-costs.ts";
import { type DraftFacts, draftFacts } from "../../src/tools/evaluate/draft-facts.ts";
import { plan } from "../../src/tools/evaluate/plan.ts";
import { REAL_PAIR } from "../support/real.ts";
import { type Cell, rounded } from "./emulated-grid.ts";
import type { Recorded } from "./recorded-questions.ts";

const MAX_DRAFT = 15;

/** The default draft's step on this machine, and its acceptance on the first `tokens` tokens of the answers. */
export const factsOn = (questions: readonly Recorded[], tokens: number): Promise<DraftFacts> =>
  draftFacts(
    REAL_PAIR.draft!,
    questions.map(({ prompt, answer }) => ({ prompt, answer: answer.slice(0, tokens) })),
    questions.length * tokens,
  );

/**
 * Tokens a second ÷ streaming for an edge that prefers time, at this draft step and acceptance, with nothing lost to
 * programs, timers or learning. Siblings and copies are left out of the sums.
 */
export function promised({ accelerator, roundTripMs }: Cell, { draftStepMs, acceptanceByDepth }: DraftFacts): number {
  const { passMs, costs } = acceleratorNamed(accelerator);
  const { best, waits, streams } = plan({
    costs: {
      roundTripMs,
      draftStepMs,
      hindrance: 1,
      passMs: passesOver(PASS_COSTS[costs], passMs, MAX_DRAFT),
    },
    acceptanceByDepth,
    maxDraft: MAX_DRAFT,
  });
  return rounded({ none: 1, waits: waits.vsNone, streams: streams.vsNone }[best]);
}
