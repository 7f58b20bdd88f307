/** What drafts promise before a target, by the arithmetic of a Session (speculate/rates.ts) and nothing else. */
import type { Costs } from "../../core/speculate/history.ts";
import { breakEvenRoundTrip } from "../../core/speculate/patience.ts";
import { bestWay, gains, outlook, type Prospect, waitingLeads } from "../../core/speculate/rates.ts";

interface Circumstances {
  readonly costs: Costs;
  /** As `History.acceptanceByDepth`. */
  readonly acceptanceByDepth: readonly number[];
  /** Draft tokens of a pass at most. */
  readonly maxDraft: number;
}

/** A way to go about it, and what is expected of it. */
export interface PlannedWay {
  readonly tokensPerSecond: number;
  /** Beside an origin without drafts. */
  readonly vsNone: number;
  readonly passesPerToken: number;
  /** Draft steps a token of the answer, those included that are thrown away. */
  readonly stepsPerToken: number;
  /** Tokens of the first draft after a wrong token, for which the origin waits; 0: it never waits. */
  readonly first: number;
  /** How far the drafter may be ahead of the last verdict. */
  readonly ahead: number;
}

export interface Plan {
  /** Tokens a second without drafts. */
  readonly none: number;
  /** The origin waits for the first draft after each wrong token; the drafter goes on while the target verifies. */
  readonly waits: PlannedWay;
  /** The same with a drafter that stops when its draft is sent. */
  readonly waitsWithoutBets: PlannedWay;
  /** The origin never waits. */
  readonly streams: PlannedWay;
  /** What an edge that prefers time does, as its Sessions choose. */
  readonly best: "none" | "waits" | "streams";
  /** Round trip, in ms, above which waiting is slower than not waiting; 0: it always is. */
  readonly breakEvenRoundTripMs: number;
}

export function plan({ costs, acceptanceByDepth, maxDraft }: Circumstances): Plan {
  const seen = { costs, acceptanceByDepth };
  const none = 1 / costs.passMs[0]!;
  const planned = (prospect: Prospect): PlannedWay => {
    const { tokens, ms, passes, steps } = outlook(prospect, seen, Math.max(none, prospect.rate), maxDraft);
    const { first, ahead } = prospect;
    return {
      tokensPerSecond: (1000 * tokens) / ms,
      vsNone: tokens / ms / none,
      passesPerToken: passes / tokens,
      stepsPerToken: steps / tokens,
      first,
      ahead,
    };
  };
  const waiting = bestWay(seen, maxDraft, true, true);
  const not = bestWay(seen, maxDraft, true, false);
  const faster = waitingLeads(waiting, not) ? ("waits" as const) : ("streams" as const);
  return {
    none: 1000 * none,
    waits: planned(waiting),
    waitsWithoutBets: planned(bestWay(seen, maxDraft, false, true)),
    streams: planned(not),
    best: gains(faster === "waits" ? waiting : not) ? faster : "none",
    breakEvenRoundTripMs: breakEvenRoundTrip(seen, maxDraft),
  };
}
