import { expect, test } from "vitest";
import { costOf, type PassCost } from "../../src/core/speculate/pass-cost.ts";

test.each<[string, PassCost, number, number]>([
  ["what it names", { 1: 1, 3: 1.2, 8: 2.2 }, 8, 2.2],
  ["a line in between", { 1: 1, 3: 1.2, 8: 2.2 }, 4, 1.4],
  ["the line through the last two beyond", { 1: 1, 3: 1.2, 8: 2.2 }, 13, 3.2],
  ["a flat step beyond", { 1: 1, 8: 2.15, 16: 2.15 }, 31, 2.15],
  ["1 for one position, named or not", { 8: 7 }, 1, 1],
  ["a line from there", { 8: 8 }, 3, 3],
  ["1 where nothing is named", {}, 9, 1],
])("a cost is %s", (_, curve, positions, cost) => {
  expect(costOf(curve, positions)).toBeCloseTo(cost, 12);
});
