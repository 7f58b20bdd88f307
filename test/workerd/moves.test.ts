/**
 * A conversation that leaves a badly placed object for a new one. workerd on this machine places nothing; the bad place
 * is simulated by a proxy that delays what passes between Session and origin, and by an operator who names the origin's
 * region between two turns.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Generation } from "../../src/edge/prompt/generation.ts";
import { sessionName } from "../../src/edge/tenant/tenant.ts";
import { eventually } from "../support/eventually.ts";
import { type TinyOrigin, tinyOrigin } from "../support/tiny-origin.ts";
import { type Answer, answerOf } from "./harness.ts";
import { type Recording, startRecording } from "./recording.ts";

const SAMPLINGS = { greedy: { temperature: 0 }, seeded: { temperature: 0.8, seed: 7 } };
const LONG = "The wagons left at dawn and the road went north along the river. ".repeat(6);
const opening = [{ role: "user", content: `${LONG} What did the riders see?` }];

let origin: TinyOrigin;
let run: Recording;

beforeAll(async () => {
  origin = await tinyOrigin();
  // A round trip of 80 ms, of which a Session beside its origin would save 70.
  origin.proxy.delayMs = 40;
  run = await startRecording({ ORIGIN_URL: origin.url });
  // The way is measured in the background of an answer; a later one knows it.
  let asked = 0;
  await eventually(async () => {
    const answer = await answerOf(chat(`warm ${asked++}`, opening, { max_tokens: 1 }));
    expect(placeOf(answer)).toMatchObject({ round_trip_ms: expect.any(Number) });
  });
});
afterAll(async () => {
  await run?.close();
  await origin?.close();
});

/** @param region what ORIGIN_REGION is at this moment */
function chat(affinity: string, messages: readonly object[], fields: object = {}, region = "") {
  const headers = { "content-type": "application/json", "x-session-affinity": affinity, "x-test-region": region };
  const outrider = { draft: "model", patience_ms: 1000 };
  const body = JSON.stringify({ model: "tiny", messages, max_tokens: 24, temperature: 0, outrider, ...fields });
  return fetch(`${run.url}/v1/chat/completions`, { method: "POST", headers, body });
}

const nameOf = (affinity: string) => sessionName("open:", affinity, { model: "tiny" } as Generation);

/** A conversation of one turn, and the messages of the next. */
async function begun(affinity: string, fields: object) {
  // Asked twice, since the draft's pages are stored from the second time on.
  await answerOf(chat(affinity, opening, fields));
  const { text } = await answerOf(chat(affinity, opening, fields));
  return [...opening, { role: "assistant", content: text }, { role: "user", content: "And then?" }];
}

const placeOf = (answer: Answer) => (answer.outrider as unknown as { placement: object }).placement;

/** What an object's storage holds. */
async function stored(name: string) {
  const [timeline] = await run.sql(name, "SELECT length(tokens) / 4 AS tokens FROM timeline");
  const [place] = await run.sql(name, "SELECT region, why, moves FROM place");
  const [pages] = await run.sql(name, "SELECT count(*) AS n FROM pages");
  return { tokens: timeline?.tokens, place, pages: pages?.n };
}

describe.each(Object.entries(SAMPLINGS))("a badly placed conversation, %s", (sampled, fields) => {
  let text: string;
  let third: string;
  const next = (messages: readonly object[], said: string) => [
    ...messages,
    { role: "assistant", content: said },
    { role: "user", content: "Who told you?" },
  ];

  beforeAll(async () => {
    const messages = await begun(`stays ${sampled}`, fields);
    ({ text } = await answerOf(chat(`stays ${sampled}`, messages, fields)));
    ({ text: third } = await answerOf(chat(`stays ${sampled}`, next(messages, text), fields)));
  });

  test.each([
    ["nothing", null],
    ["the answer that it has moved", "after /"],
    ["the timeline on its way", "before /adopt"],
    ["the news that the timeline has arrived", "after /adopt"],
    ["the news that the old object may forget", "before /left"],
    ["the turn on its way to the new object", "before /.1"],
  ])("goes on in a new object, the same words, where %s is lost", async (what, step) => {
    const affinity = `${sampled}: ${what}`;
    const name = await nameOf(affinity);
    const messages = await begun(affinity, fields);
    await run.asked();
    if (step) await run.lose(step);
    const asked = () => chat(affinity, messages, fields, "weur");
    let response = await asked();
    if (step && step !== "before /left") {
      expect(response.status).toBe(500);
      await response.body?.cancel();
      // Both objects may be gone from memory as well.
      await run.evict(name);
      if (step === "after /adopt") await run.evict(`${name}.1`);
      response = await asked();
    }
    const answer = await answerOf(response);
    expect(answer.text).toBe(text);
    expect(placeOf(answer)).toMatchObject({ region: "weur", why: "configured", moves: 1 });
    // The new object was asked for with the hint, the first time too, and the origin held what it was told.
    const hints = (await run.asked()).filter((each) => each.name === `${name}.1`).map((each) => each.locationHint);
    expect(new Set(hints)).toEqual(new Set(["weur"]));
    expect(answer.timings.cache_n).toBeGreaterThan(50);

    // The turn after goes there at once, but for an isolate that knows nothing of the move.
    const after = await answerOf(chat(affinity, next(messages, text), fields, "weur"));
    expect(after.text).toBe(third);
    expect((await run.asked()).map((each) => each.name)).toEqual([`${name}.1`]);
    const left = step === "before /left" ? expect.any(Number) : 0;
    await expect
      .poll(() => stored(name), { timeout: 300_000 })
      .toEqual({
        tokens: left,
        pages: left,
        place: { region: "weur", why: "configured", moves: 1 },
      });
    expect(await stored(`${name}.1`)).toMatchObject({ place: { region: "weur", moves: null } });
    await run.evict(name);
    const old = await run.direct(name);
    expect(JSON.parse(old.moved!)).toEqual({ region: "weur", why: "configured", moves: 1 });
  });
});

test("what an object says of a conversation that has left it ends a day after the conversation's own end", async () => {
  const messages = await begun("ends", {});
  const name = await nameOf("ends");
  await answerOf(chat("ends", messages, {}, "weur"));
  // Timeline and pages are gone, what is left is one row.
  await expect.poll(() => stored(name), { timeout: 300_000 }).toMatchObject({ tokens: 0, pages: 0 });
  const hours = async (object: string) => ((await run.stored(object)).alarm! - Date.now()) / 3_600_000;
  expect(await hours(name)).toBeGreaterThan(47);
  expect(await hours(name)).toBeLessThanOrEqual(48);
  expect(await hours(`${name}.1`)).toBeLessThanOrEqual(24);
  // Whoever still asks the old object puts its end off, after an eviction too.
  await run.evict(name);
  expect((await run.direct(name)).moved).not.toBeNull();
  expect(await hours(name)).toBeGreaterThan(47);
  await run.end(name);
  expect(await run.stored(name)).toMatchObject({ tables: [], alarm: null });
  expect((await run.direct(name)).moved).toBeNull();
});

test("turns at the same time all go on in the one new object", async () => {
  const messages = await begun("crowd", {});
  const name = await nameOf("crowd");
  await run.asked();
  const answers = await Promise.all([1, 2, 3].map(() => answerOf(chat("crowd", messages, {}, "weur"))));
  expect(new Set(answers.map((answer) => answer.text)).size).toBe(1);
  expect(answers.map((answer) => placeOf(answer))).toEqual(Array(3).fill(expect.objectContaining({ moves: 1 })));
  const names = new Set((await run.asked()).map((each) => each.name));
  expect(names).toEqual(new Set([name, `${name}.1`]));
  // None of the three ran in the old object: what it held was the turn before.
  expect(origin.ended.filter((event) => event.end === "session_taken")).toEqual([]);
});
