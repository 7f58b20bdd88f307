import { describe, expect, test } from "vitest";
import type { Llama } from "../../src/core/draft/llama.ts";
import { Meanings } from "../../src/core/draft/meanings.ts";
import { ModelDrafter } from "../../src/core/draft/model-drafter.ts";
import { readPack } from "../../src/core/format/pack-reader.ts";
import { TokenRows } from "../../src/core/model/token-rows.ts";
import { openDirectory } from "../../src/core/platform/disk.ts";
import { GREEDY } from "../../src/core/speculate/types.ts";
import { packedLlama } from "../support/packed-llama.ts";
import { seeded } from "../support/random.ts";
import { TINY_PACKS } from "../support/tiny.ts";
import { withoutTokens } from "../support/trimmed.ts";

const KEEP = 400;

/** Ids 1, 4 and 6 are in rows 0 to 2; 0 is read as 4, 2 as 1, 3 and 5 as 6, 7 as 4. */
const tokens = () =>
  new TokenRows({
    config: { vocabulary: 3 },
    vocabulary: { size: 8 },
    kept: [1, 4, 6],
    substitutes: [4, 1, 6, 6, 4],
  });

describe("a row stands for the token that was last read from it", () => {
  test.each([
    ["nothing was read", [], []],
    ["only tokens with rows", [1, 4, 6], []],
    ["a token that the draft lacks", [1, 3], [[2, 3]]],
    ["another one of the same row", [3, 5], [[2, 5]]],
    ["the row's own token behind it", [3, 6], []],
    ["and the other one again", [3, 6, 3], [[2, 3]]],
    [
      "several rows",
      [7, 2, 1, 5],
      [
        [1, 7],
        [2, 5],
      ],
    ],
  ] as const)("%s", (_, timeline, labels) => {
    expect([...new Meanings(tokens()).behind(timeline)].sort()).toEqual(labels);
  });
});

test("timelines that go back and on are followed as new ones are", () => {
  const random = seeded(31);
  const followed = new Meanings(tokens());
  let timeline: number[] = [];
  for (let i = 0; i < 300; i++) {
    timeline = timeline.slice(0, Math.floor(random() * (timeline.length + 4)));
    while (random() < 0.7) timeline.push(Math.floor(random() * 8));
    const afresh = new Meanings(tokens()).behind(timeline);
    expect(new Map([...followed.behind(timeline)].sort())).toEqual(new Map([...afresh].sort()));
  }
});

test("an id outside the vocabulary is refused, and nothing of it stays", () => {
  const followed = new Meanings(tokens());
  expect(() => followed.behind([3, 8])).toThrow("outside the vocabulary of 8");
  expect([...followed.behind([3, 6])]).toEqual([]);
});

test("where words take the place of the pieces that they are read as, the draft has these words as well", async () => {
  const model = withoutTokens(await readPack(openDirectory(TINY_PACKS.draft)), KEEP);
  const llama = packedLlama(model, "dot16", 8, 1);
  /** A word for each piece that has some: the last of them. */
  const words = new Map(model.substitutes!.map((piece, at) => [piece, KEEP + at]));
  const random = seeded(32);
  let changed = 0;
  for (let i = 0; i < 40; i++) {
    const pieces = Array.from({ length: 60 }, () => 3 + Math.floor(random() * (KEEP - 3)));
    // What a draft copies is in the timeline.
    const spoken = await draft(llama, pieces);
    const timeline = [...spoken, ...pieces];
    const wanted = (await draft(llama, timeline)).map((id) => (timeline.includes(id) ? (words.get(id) ?? id) : id));
    const got = await draft(
      llama,
      timeline.map((id) => words.get(id) ?? id),
    );
    expect(got).toEqual(wanted);
    changed += got.filter((id) => id >= KEEP).length;
  }
  expect(changed).toBeGreaterThan(10);
});

async function draft(llama: Llama, timeline: readonly number[]): Promise<number[]> {
  const cache = llama.newCache();
  const drafter = new ModelDrafter(llama, cache, GREEDY);
  await drafter.sync(timeline);
  const proposed = await drafter.propose(6, () => true);
  cache.release();
  return proposed.map(({ id }) => id);
}
