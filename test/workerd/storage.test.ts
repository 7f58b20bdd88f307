/** What a Session leaves in its storage, how many rows that takes, and when it ends. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Generation } from "../../src/edge/prompt/generation.ts";
import { sessionName } from "../../src/edge/tenant/tenant.ts";
import { eventually } from "../support/eventually.ts";
import { type TinyOrigin, tinyOrigin } from "../support/tiny-origin.ts";
import { answerOf } from "./harness.ts";
import { type Recording, startRecording } from "./recording.ts";

const HOUR_MS = 3600 * 1000;
const NOTHING = { tables: [], alarm: null };

let origin: TinyOrigin;
let run: Recording;
beforeAll(async () => {
  origin = await tinyOrigin();
  run = await startRecording({ ORIGIN_URL: origin.url });
});
afterAll(async () => {
  await run?.close();
  await origin?.close();
});

const LONG = "The wagons left at dawn and the road went north along the river. ".repeat(6);
const opening = [{ role: "user", content: `${LONG} What did the riders see?` }];

/** A request to one of the running edges; the draft takes part in every answer. */
function post(route: string, affinity: string, body: object, edge = run) {
  const headers = { "content-type": "application/json", "x-session-affinity": affinity };
  const outrider = { draft: "model", patience_ms: 1000 };
  const asked = JSON.stringify({ model: "tiny", max_tokens: 24, temperature: 0, outrider, ...body });
  return fetch(`${edge.url}/v1/${route}`, { method: "POST", headers, body: asked });
}

const chat = (affinity: string, messages: readonly object[] = opening, edge = run) =>
  answerOf(post("chat/completions", affinity, { messages }, edge));

const nameOf = (affinity: string) => sessionName("open:", affinity, { model: "tiny" } as Generation);
const storedBy = async (affinity: string, edge = run) => edge.stored(await nameOf(affinity));

/** From now to the end of what is stored, in hours; a turn and a slow machine take a few minutes at most. */
async function hoursLeft(affinity: string): Promise<number> {
  const { alarm } = await storedBy(affinity);
  return ((alarm ?? 0) - Date.now()) / HOUR_MS;
}

/** A conversation of two turns, and the messages of the third. */
async function twoTurns(affinity: string): Promise<object[]> {
  const first = await chat(affinity);
  const second = [...opening, { role: "assistant", content: first.text }, { role: "user", content: "And then?" }];
  const { text } = await chat(affinity, second);
  return [...second, { role: "assistant", content: text }, { role: "user", content: "Who told you?" }];
}

describe("what is stored", () => {
  test.each<[string, string, object]>([
    ["too long", "chat/completions", { messages: [{ role: "user", content: "x ".repeat(3000) }] }],
    ["no token of the model", "completions", { prompt: [1e9] }],
  ])("of requests that only failed: nothing (%s)", async (what, route, body) => {
    expect((await post(route, what, body)).status).toBe(400);
    expect(await storedBy(what)).toMatchObject(NOTHING);
  });

  test("of a single turn: the timeline, for two hours", async () => {
    await chat("single");
    const { tables, rows, bytes } = await storedBy("single");
    expect(tables).toEqual(["timeline"]);
    // A table with a row; three rows and 8 KB are the name that Miniflare writes down.
    expect(rows).toBeLessThanOrEqual(6);
    expect(bytes).toBeLessThanOrEqual(24_576);
    expect(await hoursLeft("single")).toBeLessThanOrEqual(2);
    expect(await hoursLeft("single")).toBeGreaterThan(1.5);
  });

  test("from the second turn on: whole pages too, a row each and once, for a day", async () => {
    const third = await twoTurns("several");
    const name = await nameOf("several");
    const pages = () => run.sql(name, "SELECT page, length(tokens) / 4 AS tokens FROM pages ORDER BY page");
    const before = await pages();
    expect(before.length).toBeGreaterThan(5);
    expect(before.map((row) => row.tokens)).toEqual(before.map(() => 32));
    await storedBy("several");
    const { usage } = await chat("several", third);
    const { rows } = await storedBy("several");
    const after = await pages();
    expect(after).toHaveLength(Math.floor((usage.total_tokens - 1) / 32));
    // The timeline, and the pages that came; an answer that comes back as other tokens replaces a page.
    const came = after.length - before.length;
    expect(came).toBeGreaterThan(0);
    expect(rows).toBeLessThanOrEqual(1 + came + 2 * 2);
    expect(await hoursLeft("several")).toBeGreaterThan(23);
    expect(await hoursLeft("several")).toBeLessThanOrEqual(24);
  });

  test.each<[string, string[]]>([
    ["pages of another shape", ["DROP TABLE pages", "CREATE TABLE pages (page INTEGER, kv BLOB)"]],
    ["a timeline of another shape", ["DROP TABLE timeline", "CREATE TABLE timeline (words TEXT)"]],
  ])("%s: made anew, the draft goes on, the words the same, and it has an end", async (what, damage) => {
    const third = await twoTurns(what);
    const name = await nameOf(what);
    for (const query of damage) await run.sql(name, query);
    await run.evict(name);
    const answer = await chat(what, third);
    expect(answer.text).toBe((await chat("undamaged", await twoTurns("undamaged"))).text);
    expect(answer.timings.draft_n).toBeGreaterThan(0);
    expect((await storedBy(what)).tables).toEqual(expect.arrayContaining(["pages", "timeline"]));
    expect(await hoursLeft(what)).toBeGreaterThan(1);
    // A turn later the draft's state is stored again, and found.
    await chat(what, third);
    await run.evict(name);
    expect((await chat(what, third)).outrider.draft_cache_n).toBeGreaterThan(100);
  });
});

describe("the end", () => {
  test("comes by itself, and what comes after it has an end too", async () => {
    const brief = await startRecording({ ORIGIN_URL: origin.url, KEEP_HOURS: "0.001" });
    try {
      for (let time = 0; time < 2; time++) {
        const answers = [await chat("brief", opening, brief), await chat("brief", opening, brief)];
        expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
        await eventually(async () => expect(await storedBy("brief", brief)).toMatchObject(NOTHING));
      }
    } finally {
      await brief.close();
    }
  });

  test("a setting that says nothing is refused in words", async () => {
    const wrong = await startRecording({ ORIGIN_URL: origin.url, KEEP_HOURS: "for ever" });
    try {
      const response = await post("chat/completions", "wrong", { messages: opening }, wrong);
      expect(response.status).toBe(500);
      expect(await response.json()).toMatchObject({ error: { code: "bad_setting" } });
    } finally {
      await wrong.close();
    }
  });
});
