/** What the capacity bench assumes: replayed drafts are right exactly as far as recorded, and where drafts stop paying. */
import { expect, test } from "vitest";
import type { Proposed } from "../../src/core/speculate/types.ts";
import { acceleratorNamed } from "../../src/origin/engines/accelerators.ts";
import { offFrom, survivalOf } from "./capacity-table.ts";
import { type Drafted, draftAt } from "./replayed-drafts.ts";

const proposed = (id: number): Proposed => ({ id, confidence: 0.5, source: "model" });
/** The draft is wrong at positions 2 and 7. */
const DRAFTED: Drafted = {
  text: "",
  prompt: [1],
  answer: [10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
  proposals: [10, 11, 99, 13, 14, 15, 16, 98, 18, 19].map(proposed),
};

test("a replayed draft is the recorded one up to its first wrong token, and wrong behind it", () => {
  for (let at = 0; at < DRAFTED.answer.length; at++) {
    const draft = draftAt(DRAFTED, at, 5);
    const wrong = draft.findIndex(({ id }, i) => id !== DRAFTED.answer[at + i]);
    const next = [2, 7].find((position) => position >= at) ?? Number.POSITIVE_INFINITY;
    expect(wrong < 0 ? Number.POSITIVE_INFINITY : at + wrong).toBe(next < at + draft.length ? next : Infinity);
    expect(
      draft.slice(wrong < 0 ? draft.length : wrong).some(({ id }, i) => id === DRAFTED.answer[at + wrong + i]),
    ).toBe(false);
    expect(draft).toHaveLength(Math.min(5, DRAFTED.answer.length - at));
  }
});

test("survival counts how many in a row are right from each position", () => {
  // Positions 0 to 6 have four proposals: right in a row are 2, 1, 0, 4, 3, 2, 1.
  expect(survivalOf([DRAFTED], 4)).toEqual([6 / 7, 4 / 7, 2 / 7, 1 / 7]);
});

test("drafts are off where positions are no longer free, and sooner where a kernel is full early", () => {
  const survival = [0.6, 0.36, 0.22, 0.13];
  const from = (name: string) => offFrom(acceleratorNamed(name), survival);
  expect(from("gemm16:25")).toBeGreaterThan(64);
  expect(from("gemm16:25")).toBeLessThan(256);
  expect(from("llamacpp4:25")).toBeLessThan(from("gemm16:25"));
  expect(offFrom(acceleratorNamed("gemm16:25"), [0, 0, 0])).toBe(1);
});
