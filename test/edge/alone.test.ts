/** The draft in the place of an origin, over a model that is loaded anew in mid-answer. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Llama } from "../../src/core/draft/llama.ts";
import { GREEDY } from "../../src/core/speculate/types.ts";
import type { SessionDraft } from "../../src/edge/draft/drafter.ts";
import { DraftAlone } from "../../src/edge/session/alone.ts";
import { loadPack, TINY_PACKS } from "../support/tiny.ts";

const PROMPT = [5, 17, 60, 9, 44, 31];

beforeAll(() => void vi.stubGlobal("scheduler", { wait: async () => {} }));
afterAll(() => void vi.unstubAllGlobals());

/** The tokens of an answer whose n-th step is on `models[n]`, or on the last of them. */
async function answer(models: readonly Llama[]): Promise<number[]> {
  const caches = new Map(models.map((llama) => [llama, llama.newCache()]));
  let step = 0;
  const draft = {
    async open() {
      const llama = models[Math.min(step++, models.length - 1)]!;
      return { llama, cache: caches.get(llama)! };
    },
    failed() {},
  } as unknown as SessionDraft;
  const alone = new DraftAlone(draft, GREEDY, new Set(), PROMPT, 6);
  const tokens: number[] = [];
  for (;;) {
    const next = await alone.next();
    if ("reason" in next) return tokens;
    tokens.push(...next.tokens);
  }
}

test("draws from the model that is open, also after it was loaded anew", async () => {
  const load = () => loadPack(TINY_PACKS.draft, 16, 1);
  const one = await load();
  const whole = await answer([one]);
  expect(whole).toHaveLength(6);
  expect(new Set(whole).size).toBeGreaterThan(1);
  const [before, after] = [await load(), await load()];
  expect(await answer([before, before, after])).toEqual(whole);
});
