/** What a long conversation may hold of the isolate's memory, by the default draft's own header. */
import { expect, test } from "vitest";
import { restBytes } from "../../src/core/draft/at-rest.ts";
import { planMemory } from "../../src/core/draft/memory-plan.ts";
import { AHEAD_PAGES } from "../../src/core/draft/model-drafter.ts";
import { PAGE_TOKENS, pageBytes } from "../../src/core/kernels/abi.ts";
import { totalKvHeads } from "../../src/core/model/config.ts";
import { conversationPages, poolPages } from "../../src/edge/draft/budget.ts";
import { packHeader } from "../support/tiny.ts";

const header = packHeader("models/smollm2-135m-draft-m/pack");
const page = pageBytes(totalKvHeads(header.config), header.config.headSize);
const pool = poolPages(header);
const most = conversationPages(pool);

test("a conversation of 8,000 tokens takes at most 14 MB of fast memory, what reads ahead included", () => {
  expect((most + AHEAD_PAGES) * page).toBeLessThanOrEqual(14e6);
  expect(most * PAGE_TOKENS).toBeGreaterThan(1000);
});

test("six such conversations fit the pool, and all of it 100 MB beside the JS heap", () => {
  expect(6 * most).toBeLessThanOrEqual(pool);
  expect(planMemory(header, pool, 1).bytes).toBeLessThanOrEqual(92e6);
});

test("a token takes at most 3 KB at rest, and a conversation at most 4 MB", () => {
  expect(restBytes(header) / PAGE_TOKENS).toBeLessThanOrEqual(3000);
  expect(restBytes(header) * most).toBeLessThanOrEqual(4e6);
});

test("a small pool leaves a conversation 512 tokens", () => {
  expect(conversationPages(32)).toBe(16);
});

test("a setting makes it fewer, never more", () => {
  expect(conversationPages(pool, 384)).toBe(12);
  expect(conversationPages(pool, 32 * pool)).toBe(most);
});
