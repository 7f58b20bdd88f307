import { expect, test } from "vitest";
import { History } from "../../src/core/speculate/history.ts";
import { Pace } from "../../src/core/speculate/pace.ts";
import { evenCosts } from "../support/costs.ts";

/** Verdicts of an origin that streams a token each T ms, while a drafter R ms away makes one each t ms. */
function watch({ R, t, T }: { R: number; t: number; T: number }, drafter: "works" | "pauses" | "copies"): History {
  const history = new History(evenCosts(60, 20, 40, 1));
  const pace = new Pace(history);
  let position = 100;
  let passes = 2;
  const verdict = (arrival?: { position: number; tokens: number; ms: number }) =>
    pace.learn({
      position: position++,
      kept: 0,
      tokens: [1],
      passes: passes++,
      scored: 0,
      stepMs: T,
      waitMs: 0,
      arrival,
    });
  verdict();
  for (let n = 0; n < 300; n++) {
    const from = position;
    pace.begin(from);
    if (drafter === "pauses") pace.pause(from - 1);
    if (drafter === "copies") pace.forget();
    for (let k = 1; k <= 6; k++) {
      const made = Math.floor((k * T - R) / t);
      // What it was sent with: all that was decided when the drafter had made it.
      const decided = Math.floor((made * t) / T);
      if (made <= decided) verdict();
      else verdict({ position: from + decided, tokens: made - decided, ms: R + made * t - decided * T });
    }
  }
  return history;
}

test("way and draft step are learned from drafts that arrive while the origin decides on", () => {
  for (const truth of [
    { R: 15, t: 4, T: 10 },
    { R: 2, t: 9, T: 20 },
    { R: 40, t: 3, T: 15 },
  ]) {
    const { roundTripMs, draftStepMs, passMs } = watch(truth, "works").costs;
    expect(Math.abs(roundTripMs - truth.R), JSON.stringify(truth)).toBeLessThan(2);
    expect(Math.abs(draftStepMs - truth.t), JSON.stringify(truth)).toBeLessThan(0.5);
    expect(Math.abs(passMs[0]! - truth.T), JSON.stringify(truth)).toBeLessThan(0.5);
  }
});

test.each(["pauses", "copies"] as const)("a drafter that %s tells nothing", (drafter) => {
  const { roundTripMs, draftStepMs } = watch({ R: 15, t: 4, T: 10 }, drafter).costs;
  expect({ roundTripMs, draftStepMs }).toEqual({ roundTripMs: 60, draftStepMs: 20 });
});
