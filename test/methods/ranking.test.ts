/** Ranking against hand-made and brute-force choices. */
import { describe, expect, test } from "vitest";
import { groupsKept, rankGlobally, rankLocally, ratioAfter } from "../../src/tools/compress/methods/ranking.ts";
import { seeded } from "../support/random.ts";

const block = (...importance: number[]) => ({
  importance: Float64Array.from(importance),
  left: importance.map((_, n) => n),
});

test.each([
  [1536, 1, 0.2, 1228],
  [1536, 1, 0.3, 1075],
  [1536, 1, 1 / 3, 1024],
  [3, 64, 1 / 3, 2],
  // 48 channels are no whole head.
  [3, 64, 0.25, 3],
  [10, 1, 0.9, 1],
  [7, 1, 0, 7],
])("of %i groups of %i lines the ratio %f leaves %i", (groups, lines, ratio, kept) => {
  expect(groupsKept(groups, lines, ratio)).toBe(kept);
});

describe("local", () => {
  test("each block keeps its best; among equals the later goes", () => {
    expect(rankLocally([block(5, 1, 4, 2), block(7, 7, 7, 7)], 1, 0.5)).toEqual([
      [0, 2],
      [0, 1],
    ]);
  });

  test("a later step removes from what is left, up to the ratio of the whole", () => {
    const blocks = [{ importance: Float64Array.of(0, 9, 0, 5, 6, 7), left: [1, 3, 4, 5] }];
    expect(rankLocally(blocks, 1, 0.5)).toEqual([[1, 4, 5]]);
  });
});

describe("global", () => {
  test("without a cap the pool's best stay", () => {
    // One group stays whatever the cap: a block must keep a head.
    expect(rankGlobally([block(1, 2, 3, 4), block(5, 6, 7, 8)], 1, 0.5, 1)).toEqual([[3], [1, 2, 3]]);
  });

  test("a capped block keeps its share and the others give more", () => {
    expect(rankGlobally([block(1, 2, 3, 4), block(5, 6, 7, 8)], 1, 0.5, 0.5)).toEqual([
      [2, 3],
      [2, 3],
    ]);
  });

  test.each([1, 2, 3])(
    "removes as many as asked, no more than the cap of any, always the cheapest that may go (seed %i)",
    (seed) => {
      const random = seeded(seed);
      const blocks = Array.from({ length: 5 }, (_, n) =>
        block(...Array.from({ length: 20 }, () => random() * (n + 1))),
      );
      const kept = rankGlobally(blocks, 1, 0.3, 0.4);
      expect(kept.flat().length).toBe(70);
      for (const [n, own] of kept.entries()) {
        const { importance } = blocks[n]!;
        expect(own.length).toBeGreaterThanOrEqual(12);
        const best = [...importance.keys()].sort((a, b) => importance[b]! - importance[a]!).slice(0, own.length);
        expect(own).toEqual(best.sort((a, b) => a - b));
      }
    },
  );
});

test("steps are even and end at the ratio", () => {
  expect([0, 1, 2, 3].map((step) => ratioAfter(0.2, step, 4))).toEqual([0.05, 0.1, 0.15000000000000002, 0.2]);
});
