import { describe, expect, test } from "vitest";
import { Drafts } from "../../src/origin/drafts.ts";

const TIMELINE = [10, 11, 12, 13];

function held(...drafts: [position: number, ...tokens: number[]][]): Drafts {
  const box = new Drafts(() => performance.now());
  for (const [position, ...tokens] of drafts) box.put({ position, tokens });
  return box;
}

describe("a draft fits", () => {
  test("at the end of the timeline, whole", () => {
    expect(held([4, 1, 2]).take(TIMELINE)).toMatchObject({ tokens: [1, 2] });
  });

  test("from earlier on, for what it has beyond what was decided meanwhile", () => {
    expect(held([2, 12, 13, 14, 15]).take(TIMELINE)).toMatchObject({ tokens: [14, 15] });
    expect(held([0, 10, 11, 12, 13, 14]).take(TIMELINE)).toMatchObject({ tokens: [14] });
  });

  test("not when it disagrees, or has nothing left", () => {
    expect(held([2, 12, 99, 14]).take(TIMELINE)).toBeNull();
    expect(held([2, 12, 13]).take(TIMELINE)).toBeNull();
    expect(held([1, 11]).take(TIMELINE)).toBeNull();
    expect(held().take(TIMELINE)).toBeNull();
  });

  test("later, when it begins past the end", () => {
    const drafts = held([5, 20, 21]);
    expect(drafts.take(TIMELINE)).toBeNull();
    expect(drafts.take([...TIMELINE, 14])).toMatchObject({ tokens: [20, 21] });
    expect(drafts.take([...TIMELINE, 14, 20])).toMatchObject({ tokens: [21] });
  });
});

test("siblings come along, those of tokens that were decided meanwhile do not", () => {
  const drafts = new Drafts(() => 0);
  drafts.put({ position: 3, tokens: [13, 14, 15], siblings: [1, 0, 2, 1].map((at, i) => ({ at, id: 20 + i })) });
  expect(drafts.take(TIMELINE)).toEqual({
    tokens: [14, 15],
    siblings: [0, 1, 0].map((at, i) => ({ at, id: [20, 22, 23][i] })),
  });
});

test("of several that fit the longest is taken, of equals the newest", () => {
  expect(held([4, 1, 2, 3], [4, 5]).take(TIMELINE)).toMatchObject({ tokens: [1, 2, 3] });
  expect(held([4, 1, 2], [4, 5, 6]).take(TIMELINE)).toMatchObject({ tokens: [5, 6] });
});

test("only the newest eight are held", () => {
  const drafts = held([4, 1, 2, 3], ...Array.from({ length: 8 }, (): [number, number] => [9, 7]));
  expect(drafts.take(TIMELINE)).toBeNull();
});

test("an empty draft declines every position up to its own", () => {
  const drafts = held([6]);
  expect([5, 6, 7].map((position) => drafts.declines(position))).toEqual([true, true, false]);
  drafts.put({ position: 2, tokens: [] });
  expect(drafts.declines(6)).toBe(true);
});
