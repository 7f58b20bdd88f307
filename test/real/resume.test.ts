/**
 * A conversation of 1,000 tokens whose Session was evicted goes on at once: the draft's KV pages come out of SQLite,
 * and the origin still holds the target's. A Session that has to prefill is the measure; the words are the same.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Generation } from "../../src/edge/prompt/generation.ts";
import { sessionName } from "../../src/edge/tenant/tenant.ts";
import { packWithKeys } from "../support/pack-with-keys.ts";
import { prepare } from "../support/prepared.ts";
import { answerOf, type Running, start } from "../workerd/harness.ts";

const MODEL = "smollm2-135m-instruct";
const TEXT =
  "Horses are among the oldest companions of people. They carried riders over plains and mountains, " +
  "pulled wagons and ploughs, and were painted on the walls of caves. ";
const opening = [{ role: "user", content: `${TEXT.repeat(30)}Summarise this text.` }];

let run: Running;
const home = mkdtempSync(join(tmpdir(), "outrider-resume-"));
beforeAll(async () => {
  const { target, draft } = await prepare();
  // So few tokens are read at once. Of more, the draft reads the rest while the target is at work, and here the target
  // works on the same thread.
  run = await start({ packs: { target, draft: packWithKeys(draft, "near:192", join(home, "draft")) } });
});
afterAll(async () => {
  await run?.close();
  rmSync(home, { recursive: true, force: true });
});

/** One turn with a waiting origin, so that drafting is part of what is measured. */
async function turn(session: string, messages: object[], maxTokens: number) {
  const body = { model: MODEL, messages, temperature: 0, max_tokens: maxTokens, outrider: { patience_ms: 10_000 } };
  const from = performance.now();
  const answer = await answerOf(run.post("/v1/chat/completions", body, { headers: { "x-session-affinity": session } }));
  return { ...answer, ms: performance.now() - from };
}

test("an evicted session of 1,000 tokens goes on from stored pages, in the words of one that prefills", async () => {
  await turn("warm-up", [{ role: "user", content: "Hello" }], 5);
  // Pages are stored from the second time on.
  await turn("evicted", opening, 1);
  const first = await turn("evicted", opening, 30);
  expect(first.usage.total_tokens).toBeGreaterThan(1000);
  const next = [...opening, { role: "assistant", content: first.text }, { role: "user", content: "In one word?" }];

  const name = await sessionName("open:", "evicted", { model: MODEL } as Generation);
  await run.evict(name);
  const resumed = await turn("evicted", next, 5);
  const prefilled = await turn("anew", next, 5);

  expect(resumed.text).toBe(prefilled.text);
  // Whole pages of 32 tokens are stored.
  expect(resumed.outrider.draft_cache_n).toBeGreaterThan(first.usage.total_tokens - 64);
  expect(resumed.timings.cache_n).toBeGreaterThan(1000);
  expect([prefilled.outrider.draft_cache_n, prefilled.timings.cache_n]).toEqual([0, 0]);
  const line = (name: string, { ms, timings }: typeof resumed) =>
    `${name}: first word ${timings.prompt_ms} ms, whole answer ${ms.toFixed(0)} ms`;
  const ratio = (prefilled.timings.prompt_ms / resumed.timings.prompt_ms).toFixed(0);
  console.log(`${line("resumed", resumed)}; ${line("prefilled", prefilled)}; first word ${ratio} times sooner`);
});
