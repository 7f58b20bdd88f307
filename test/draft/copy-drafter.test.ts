import { expect, test } from "vitest";
import { CopyDrafter } from "../../src/core/draft/copy-drafter.ts";

const always = () => true;

/** A drafter that holds the timeline and was told that 8 and 9 were refused before its last token. */
async function told(timeline: readonly number[], next: readonly (number | null)[]): Promise<CopyDrafter> {
  const drafter = new CopyDrafter();
  await drafter.sync(timeline.slice(0, -1));
  drafter.learn(timeline, timeline.length - 1, { tokens: [8, 9], next });
  await drafter.sync(timeline);
  return drafter;
}

test("goes on with what the target said behind a refused token, where nothing is copied", async () => {
  const drafter = await told([1, 2, 8], [9, 4]);
  const proposed = await drafter.propose(3, always);
  expect(proposed.map(({ id, source }) => [id, source])).toEqual([
    [9, "recycled"],
    [4, "recycled"],
  ]);
});

test("a copy that the target would have said too is trusted more than either", async () => {
  const timeline = [8, 5, 3, 8];
  const confidence = async (next: readonly (number | null)[]) =>
    (await (await told(timeline, next)).propose(1, always))[0]!.confidence;
  const together = await confidence([5, null]);
  expect(together).toBeGreaterThan(await confidence([null, null]));
  const alone = (await (await told([3, 8], [5, null])).propose(1, always))[0]!.confidence;
  expect(together).toBeGreaterThan(alone);
});

test("where both differ the likelier one is proposed, and the other is its alternative", async () => {
  const drafter = await told([8, 5, 3, 8], [6, null]);
  const [first] = await drafter.propose(1, always, 3);
  expect([first!.id, first!.source]).toEqual([6, "recycled"]);
  expect(first!.others!.map(({ id, source }) => [id, source])).toEqual([[5, "lookup"]]);
  expect((await drafter.propose(1, always))[0]!.others).toEqual([]);
});
