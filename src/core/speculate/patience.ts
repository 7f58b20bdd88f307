/** How long an origin waits for a draft before a pass, and what that depends on. */
import type { Costs } from "./history.ts";
import { bestWay, passOver, type Seen, type Way, waitingLeads } from "./rates.ts";

/** How many times the expected time a draft may take before the origin goes on without it. */
const SLACK = 2;
/** What is added to that for a late packet, ms. */
const SLACK_MS = 20;

/** What the draft under way needs at most, in ms: 0 where the origin does not wait for one. */
export const patienceFor = ({ first }: Way, { roundTripMs, draftStepMs }: Costs): number =>
  first === 0 ? 0 : Math.ceil(SLACK * (roundTripMs + first * draftStepMs) + SLACK_MS);

/** Where passes are to be spared: longer than any draft takes, in ms. */
export const PATIENCE_FOR_PASSES = 2000;

/** A round trip is looked for up to so many target passes. */
const FARTHEST = 64;

/**
 * The round trip, in ms, above which an origin that never waits decides sooner than one that waits for drafts; 0 where
 * it always does.
 */
export function breakEvenRoundTrip({ costs, acceptanceByDepth }: Seen, maxDraft: number): number {
  const waits = (roundTripMs: number) => {
    const seen = { costs: { ...costs, roundTripMs }, acceptanceByDepth };
    return waitingLeads(bestWay(seen, maxDraft, true, true), bestWay(seen, maxDraft, true, false));
  };
  if (!waits(0)) return 0;
  let below = 0;
  let above = FARTHEST * passOver(costs, 0);
  while (above - below > 0.01 * passOver(costs, 0)) {
    const middle = (below + above) / 2;
    if (waits(middle)) below = middle;
    else above = middle;
  }
  return below;
}
