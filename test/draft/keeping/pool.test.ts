/** Who leaves fast memory first, and what must hold for all. */
import { describe, expect, test } from "vitest";
import { FastKeys, REPLACEMENTS, type Replacement } from "../../../src/draft/keeping/pool.ts";
import { seeded } from "../../support/random.ts";

/** Uses key 1 three times and 3 twice; 1 came first, 2 was used longest ago. */
function filled(replacement: Replacement): FastKeys {
  const pool = new FastKeys(3, replacement);
  expect(pool.use([1, 2, 3])).toEqual([1, 2, 3]);
  expect(pool.use([1])).toEqual([]);
  expect(pool.use([1])).toEqual([]);
  expect(pool.use([3])).toEqual([]);
  return pool;
}

test.each([
  ["counter", 2],
  ["fifo", 1],
  ["lru", 2],
] as const)("%s lets go of %i", (replacement, leaves) => {
  const pool = filled(replacement);
  expect(pool.use([4])).toEqual([4]);
  expect([1, 2, 3].filter((key) => !pool.has(key))).toEqual([leaves]);
});

test("counter then lets go of the new one, lru of the first", () => {
  for (const [replacement, leaves] of [
    ["counter", 4],
    ["lru", 1],
  ] as const) {
    const pool = filled(replacement);
    pool.use([4]);
    pool.use([5]);
    expect(pool.has(leaves), replacement).toBe(false);
  }
});

test("counts are halved when one is full, so that old fame fades", () => {
  const pool = new FastKeys(2, "counter");
  pool.use([1, 2]);
  for (let n = 0; n < 254; n++) pool.use([1]);
  // 1 counts 127 now, 2 none.
  for (let n = 0; n < 128; n++) pool.use([2]);
  pool.use([3]);
  expect([1, 2].filter((key) => pool.has(key))).toEqual([2]);
});

describe.each(REPLACEMENTS)("%s", (replacement) => {
  test("holds what a step uses, never more than fits, and names exactly what was not there", () => {
    const random = seeded(12);
    const pool = new FastKeys(20, replacement);
    for (let step = 0; step < 300; step++) {
      const keys = [...new Set(Array.from({ length: 10 }, () => Math.floor(random() ** 2 * 60)))];
      const held = new Set(Array.from({ length: 60 }, (_, key) => key).filter((key) => pool.has(key)));
      expect(pool.use(keys)).toEqual(keys.filter((key) => !held.has(key)));
      for (const key of keys) expect(pool.has(key)).toBe(true);
      expect(pool.size).toBeLessThanOrEqual(20);
    }
  });

  test("serves a step that is larger than itself", () => {
    const pool = new FastKeys(3, replacement);
    expect(pool.use([1, 2, 3, 4, 5])).toHaveLength(5);
    expect(pool.size).toBe(3);
  });

  test("with no room holds nothing", () => {
    const pool = new FastKeys(0, replacement);
    expect(pool.use([1])).toEqual([1]);
    expect(pool.size).toBe(0);
  });
});
