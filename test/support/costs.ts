import type { Costs } from "../../src/core/speculate/history.ts";
import { costOf, type PassCost } from "../../src/core/speculate/pass-cost.ts";
import { MOST_POSITIONS } from "../../src/core/speculate/pass-times.ts";

/** Costs in ms: round trip, draft step, a pass over one position, and what positions cost beside it. */
export const costsOf = (roundTripMs: number, draftStepMs: number, targetStepMs: number, cost: PassCost): Costs => ({
  ...{ roundTripMs, draftStepMs, hindrance: 1 },
  passMs: Array.from({ length: MOST_POSITIONS }, (_, drafted) => targetStepMs * costOf(cost, drafted + 1)),
});

/** The same with so many ms for each further position. */
export const evenCosts = (roundTripMs: number, draftStepMs: number, targetStepMs: number, positionMs: number): Costs =>
  costsOf(roundTripMs, draftStepMs, targetStepMs, { 1: 1, 2: 1 + positionMs / targetStepMs });
