/** What a lost bet leaves behind in the draft's KV cache: nothing that costs anything. */
import { expect, test } from "vitest";
import { ModelDrafter } from "../../src/core/draft/model-drafter.ts";
import { GREEDY } from "../../src/core/speculate/types.ts";
import { loadPack, TINY_PACKS } from "../support/tiny.ts";

const sure = () => true;
const ids = async (drafter: ModelDrafter, timeline: readonly number[], count: number) => {
  await drafter.sync(timeline);
  return (await drafter.propose(count, sure)).map(({ id }) => id);
};

test("the cache is cut back to what the target decided, gives its pages back, and computes nothing again", async () => {
  const llama = await loadPack(TINY_PACKS.draft, 8, 1);
  const cache = llama.newCache();
  const drafter = new ModelDrafter(llama, cache, GREEDY);
  const decided = Array.from({ length: 30 }, (_, i) => 20 + ((i * 7) % 50));
  const draft = await ids(drafter, decided, 3);
  const free = llama.pool.free;
  // The bet: all of the draft is kept, and so is what follows, over the end of a page.
  const standing = [...decided, ...draft];
  for (let made = 0; made < 6; made++) standing.push(...(await ids(drafter, standing, 1)));
  expect(llama.pool.free).toBeLessThan(free);

  // The target keeps one token of the draft and chooses another than the second.
  const other = draft[1] === 40 ? 41 : 40;
  const after = [...decided, draft[0]!, other];
  let computed = 0;
  const forward = llama.forward.bind(llama);
  llama.forward = (...args: Parameters<typeof forward>) => {
    computed += args[1].length;
    return forward(...args);
  };
  const drafted = await ids(drafter, after, 3);
  // The token that the target chose instead, and the two drafted ones that the third follows: nothing else.
  expect(computed).toBe(3);
  expect(cache.tokens.length).toBe(after.length + 2);

  const fresh = await loadPack(TINY_PACKS.draft, 8, 1);
  expect(drafted).toEqual(await ids(new ModelDrafter(fresh, fresh.newCache(), GREEDY), after, 3));
  cache.cut(after.length - 1);
  expect(llama.pool.free).toBe(free);
});
