/** Whether an origin should wait for drafts or decode on, from what a session has measured. */
import type { Costs, History } from "./history.ts";
import { bestWaiting, streamed } from "./rates.ts";

/**
 * How much faster the other way must promise to be before it replaces the present one, so that noise does not decide.
 */
const LEAD = 1.03;

/**
 * The patience, in ms, that decides tokens fastest at the costs and acceptance seen so far: 0 (the origin streams,
 * drafts that arrive in time save passes) or long enough for any draft of `maxDraft` tokens to arrive.
 *
 * @param waitsNow what the origin does at present; absent before the first choice
 */
export function choosePatience(history: History, maxDraft: number, waitsNow?: boolean): number {
  const { costs, meanAcceptance } = history;
  const lead = waitsNow === undefined ? 1 : waitsNow ? 1 / LEAD : LEAD;
  if (advantage(costs, meanAcceptance, maxDraft) <= lead) return 0;
  return Math.ceil(4 * (costs.roundTripMs + maxDraft * costs.draftStepMs) + 100);
}

/**
 * The round trip, in ms, above which an origin that streams decides sooner than one that waits for drafts; 0 where it
 * always does.
 */
export function breakEvenRoundTrip({ costs, meanAcceptance }: History, maxDraft: number): number {
  const waits = (roundTripMs: number) => advantage({ ...costs, roundTripMs }, meanAcceptance, maxDraft) > 1;
  if (!waits(0)) return 0;
  let below = 0;
  let above = 1;
  while (waits(above)) {
    below = above;
    above *= 2;
  }
  while (above - below > 0.01) {
    const middle = (below + above) / 2;
    if (waits(middle)) below = middle;
    else above = middle;
  }
  return below;
}

/** Tokens per ms of an origin that waits for drafts, divided by those of one that streams. */
function advantage(costs: Costs, acceptance: number, maxDraft: number): number {
  const { tokens, ms } = streamed(costs, acceptance, maxDraft);
  const waiting = bestWaiting({ costs, meanAcceptance: acceptance }, { maxDraft, spare: "time" });
  return waiting / (tokens / ms);
}
