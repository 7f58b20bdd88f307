/** How often a growing answer is drawn: on a clock that only drawings move, so that their number is exact. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { newLane, TurnView } from "../../support/page-scripts.ts";
import { PAPER } from "../../support/paper-document.ts";

beforeEach(() => {
  vi.stubGlobal("document", PAPER.document);
  vi.stubGlobal("DocumentFragment", PAPER.DocumentFragment);
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Drawings of an answer that comes in a chunk a millisecond, where each takes so many milliseconds. */
function drawings(chunks: number, took: number): number {
  let drawn = 0;
  let clock = 0;
  vi.spyOn(performance, "now").mockImplementation(() => clock);
  const lane = newLane();
  const on = {
    traced: () => false,
    drawn: () => {
      drawn++;
      clock += took;
    },
  };
  const view = new TurnView({ question: "Why?", lanes: [lane] }, on);
  view.begin(lane);
  drawn = 0;
  for (let n = 0; n < chunks; n++) {
    lane.text += "word ";
    view.grow(lane);
    vi.advanceTimersByTime(1);
  }
  return drawn;
}

test("an answer is drawn once in 40 ms, however many chunks come", () => {
  expect(drawings(4000, 1)).toBe(100);
});

test("drawings that take long leave the page four times as long between them", () => {
  expect(drawings(4000, 100)).toBe(10);
});
