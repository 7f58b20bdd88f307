/** A drafter under a form before it knows any timeline: it reads nothing, and what its cache holds stays. */
import { expect, test } from "vitest";
import { ConstrainedDrafter } from "../../src/core/draft/constrained.ts";
import { ModelDrafter } from "../../src/core/draft/model-drafter.ts";
import { Constraint } from "../../src/core/grammar/constraint.ts";
import { Following } from "../../src/core/grammar/following.ts";
import { compile } from "../../src/core/grammar/source.ts";
import { TokenTrie } from "../../src/core/grammar/token-trie.ts";
import { GREEDY } from "../../src/core/speculate/types.ts";
import { loadPack, TINY_PACKS } from "../support/tiny.ts";

const HELD = Array.from({ length: 40 }, (_, i) => 3 + i);

const following = (): Following => {
  const trie = new TokenTrie(4, (id) => new TextEncoder().encode("abcd"[id]));
  return new Following(new Constraint(compile({ kind: "regex", pattern: "a|b" }), trie), HELD.length, []);
};

test("it settles without asking for a draft, for which weights would be loaded", async () => {
  const told: (readonly number[])[] = [];
  const inner = { sync: async (timeline: readonly number[]) => void told.push(timeline), propose: async () => [] };
  const drafter = new ConstrainedDrafter(inner, following(), () => []);
  await drafter.settle(() => true);
  expect(told).toEqual([]);
  await drafter.sync([...HELD]);
  await drafter.settle(() => true);
  expect(told.at(-1)).toEqual(HELD);
});

test("the model proposes nothing, and forgets nothing", async () => {
  const llama = await loadPack(TINY_PACKS.draft, 8, 1);
  const cache = llama.newCache();
  await new ModelDrafter(llama, cache, GREEDY).sync(HELD);
  const before = [...cache.tokens];
  expect(before.length).toBeGreaterThan(30);
  const model = new ModelDrafter(llama, cache, GREEDY);
  await model.sync([]);
  expect(await model.propose(3, () => true)).toEqual([]);
  expect(cache.tokens).toEqual(before);
});
