import { expect, test } from "vitest";
import { isTrimmed, TokenRows } from "../../src/core/model/token-rows.ts";

test("rows are ids in a whole vocabulary, in padding too", () => {
  const whole = { config: { vocabulary: 16 }, vocabulary: { size: 13 } };
  const tokens = new TokenRows(whole);
  expect(isTrimmed(whole)).toBe(false);
  expect(tokens.ids).toBeUndefined();
  for (const id of [0, 12, 15]) expect([tokens.rowOf(id), tokens.idOf(id)]).toEqual([id, id]);
  for (const id of [-1, 16, 1.5, Number.NaN]) expect(() => tokens.rowOf(id)).toThrow("outside the vocabulary of 16");
});

test("where the first ids are kept, the others are read as their substitutes", () => {
  const first = { config: { vocabulary: 3 }, vocabulary: { size: 5 }, substitutes: [2, 0] };
  const tokens = new TokenRows(first);
  expect(isTrimmed(first)).toBe(true);
  expect([0, 1, 2, 3, 4].map((id) => tokens.rowOf(id))).toEqual([0, 1, 2, 2, 0]);
  expect([0, 1, 2].map((row) => tokens.idOf(row))).toEqual([0, 1, 2]);
  expect(() => tokens.rowOf(5)).toThrow("outside the vocabulary of 5");
});

test("where any ids are kept, rows are theirs in order", () => {
  const kept = [1, 4, 6];
  const tokens = new TokenRows({
    config: { vocabulary: 3 },
    vocabulary: { size: 8 },
    kept,
    substitutes: [4, 1, 6, 6, 4],
  });
  expect([0, 1, 2].map((row) => tokens.idOf(row))).toEqual(kept);
  //        ids without a row: 0 2 3 5 7
  expect([0, 1, 2, 3, 4, 5, 6, 7].map((id) => tokens.rowOf(id))).toEqual([1, 0, 0, 2, 1, 2, 2, 1]);
  expect(tokens.ids).toEqual(Uint32Array.from(kept));
});
