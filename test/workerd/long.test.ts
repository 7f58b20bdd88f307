/**
 * Conversations longer than the draft's fast memory: a first draft that does not wait for the whole prompt, pages that
 * are out, evictions, damage and storage that fails meanwhile. The words are those of the target alone.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Generation } from "../../src/edge/prompt/generation.ts";
import { sessionName } from "../../src/edge/tenant/tenant.ts";
import { type TinyOrigin, tinyOrigin } from "../support/tiny-origin.ts";
import { answerOf } from "./harness.ts";
import { type Recording, startRecording } from "./recording.ts";

/** The pool: a conversation may hold 16 of them, 512 tokens. */
const KV_PAGES = "40";
const HELD = 16;

let origin: TinyOrigin;
let run: Recording;
beforeAll(async () => {
  origin = await tinyOrigin();
  run = await startRecording({ ORIGIN_URL: origin.url, KV_PAGES });
});
afterAll(async () => {
  await run?.close();
  await origin?.close();
});

const LONG = "The wagons left at dawn and the road went north along the river. ".repeat(32);
const opening = [{ role: "user", content: `${LONG} What did the riders see?` }];

function chat(affinity: string, messages: readonly object[], draft = "model") {
  const headers = { "content-type": "application/json", "x-session-affinity": affinity };
  const outrider = { draft, patience_ms: 10_000 };
  const body = JSON.stringify({ model: "tiny", messages, max_tokens: 24, temperature: 0, outrider });
  return answerOf(fetch(`${run.url}/v1/chat/completions`, { method: "POST", headers, body }));
}

const goingOn = (messages: readonly object[], text: string, question: string) => [
  ...messages,
  { role: "assistant", content: text },
  { role: "user", content: question },
];

const nameOf = (affinity: string) => sessionName("open:", affinity, { model: "tiny" } as Generation);

/** What the target says to two turns, and what the second one is asked. */
let expected: { first: string; second: string; messages: object[] };

beforeAll(async () => {
  const { text: first } = await chat("alone", opening, "off");
  const messages = goingOn(opening, first, "And then?");
  expected = { first, second: (await chat("alone", messages, "off")).text, messages };
});

describe("a conversation beyond fast memory", () => {
  test("gets its first draft from a part of the prompt, and the words of the target", async () => {
    const answer = await chat("beyond", opening);
    expect(answer.text).toBe(expected.first);
    expect(answer.usage.prompt_tokens).toBeGreaterThan(HELD * 32 * 1.5);
    expect(answer.timings.draft_n).toBeGreaterThan(0);
    expect(answer.timings.draft_read_n).toBeGreaterThan(100);
    expect(answer.timings.draft_read_n).toBeLessThanOrEqual(answer.usage.total_tokens);
  });

  test.each<[string, readonly string[]]>([
    ["nothing", []],
    ["a damaged newest page", ["UPDATE pages SET bytes = zeroblob(length(bytes)) WHERE page > 20"]],
    ["a missing first page", ["DELETE FROM pages WHERE page = 0"]],
    ["pages behind other tokens", ["UPDATE pages SET before = before + 1 WHERE page > 0"]],
    ["no table", ["DROP TABLE pages"]],
    ["a table of another shape", ["DROP TABLE pages", "CREATE TABLE pages (page INTEGER, kv BLOB)"]],
  ])("evicted between turns, with %s", async (what, damage) => {
    expect((await chat(what, opening)).text).toBe(expected.first);
    // A turn more, so that everything is read in order and stored.
    expect((await chat(what, expected.messages)).text).toBe(expected.second);
    const name = await nameOf(what);
    const stored = await run.sql(name, "SELECT page FROM pages WHERE part = 0");
    expect(stored.length).toBeLessThanOrEqual(HELD);
    for (const query of damage) await run.sql(name, query);
    await run.evict(name);
    const again = await chat(what, expected.messages);
    expect(again.text).toBe(expected.second);
    expect(again.timings.draft_n).toBeGreaterThan(0);
  });

  test("beside others that take the pages of each other", async () => {
    const others = ["one", "two", "three", "four"];
    const answers = await Promise.all(others.map((affinity) => chat(affinity, opening)));
    expect(answers.map(({ text }) => text)).toEqual(others.map(() => expected.first));
    const next = await Promise.all(others.map((affinity) => chat(affinity, expected.messages)));
    expect(next.map(({ text }) => text)).toEqual(others.map(() => expected.second));
  });
});
