/**
 * Two distances, simulated by proxies that delay what passes: between client and Worker, and between Session and
 * origin. And several origins, one far away. On this machine Worker and Session are in one process.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { faultProxy } from "../support/fault-proxy.ts";
import { type TinyOrigin, tinyOrigin } from "../support/tiny-origin.ts";
import { type Answer, answerOf, type Running, start } from "./harness.ts";

const CHAT = "/v1/chat/completions";

/** Of the rounds of an answer, more than can be had by chance, and few enough to be quick. */
const ask = {
  model: "tiny",
  messages: [{ role: "user", content: "What did the riders see on the road north?" }],
  temperature: 0,
  max_tokens: 48,
  outrider: { draft: "model", patience_ms: 20_000 },
};

const chat = async (url: string, affinity: string, fields: object = {}) => {
  const began = performance.now();
  const response = await fetch(url + CHAT, {
    method: "POST",
    headers: { "content-type": "application/json", "x-session-affinity": affinity },
    body: JSON.stringify({ ...ask, ...fields }),
  });
  const answer = await answerOf(response);
  return { ...answer, ms: performance.now() - began };
};

const placementOf = ({ outrider }: Answer) =>
  (outrider as unknown as { placement: { region: string | null; why: string; round_trip_ms?: number } }).placement;

describe("one origin", () => {
  let origin: TinyOrigin;
  let run: Running;
  beforeAll(async () => {
    origin = await tinyOrigin();
    run = await start({ withOrigin: false, edge: { ORIGIN_URL: origin.url } });
    await chat(run.url, "warm");
  });
  afterAll(async () => {
    await run?.close();
    await origin?.close();
  });

  test("the way from client to Worker is paid once, that from Session to origin once a round", async () => {
    const far = await faultProxy(Number(new URL(run.url).port));
    const farUrl = `http://127.0.0.1:${far.port}`;
    try {
      // 2,000 ms there and back: were it paid each round, an answer would take as many times longer.
      far.delayMs = 1000;
      const client = await chat(farUrl, "a far client");
      const rounds = client.timings.target_passes - 1;
      expect(rounds).toBeGreaterThan(8);
      expect(client.ms).toBeGreaterThan(2000);
      expect(client.ms).toBeLessThan((rounds / 2) * 2000);
      far.delayMs = 0;
      // 300 ms there and back, in each round.
      origin.proxy.delayMs = 150;
      const session = await chat(farUrl, "a far origin");
      expect(session.text).toBe(client.text);
      expect(session.timings.target_passes).toBe(client.timings.target_passes);
      expect(session.ms).toBeGreaterThan(rounds * 300);
    } finally {
      origin.proxy.delayMs = 0;
      await far.close();
    }
  });

  test("the account says how far the Session is from its origin", async () => {
    let asked = 0;
    await eventually(async () => {
      const { round_trip_ms, ...place } = placementOf(await chat(run.url, `near ${asked++}`));
      expect(place).toEqual({ region: null, why: "none" });
      expect(round_trip_ms).toBeGreaterThanOrEqual(0);
    });
  });
});

describe("two origins, the first of them far away", () => {
  let far: TinyOrigin;
  let near: TinyOrigin;
  let run: Running;
  let text: string;
  const whole = ({ ended }: TinyOrigin) => ended.filter(({ end }) => end === "length" || end === "stop").length;
  /** Answers that ended at each. */
  const served = () => ({ far: whole(far), near: whole(near) });
  const seeded = { temperature: 0.8, seed: 5, outrider: { draft: "model", patience_ms: 0 } };
  let seededText: string;
  /** Round trip to the far one: more than one of this machine takes, however busy it is. */
  const FAR_MS = 300;

  beforeAll(async () => {
    [far, near] = [await tinyOrigin(), await tinyOrigin()];
    far.proxy.delayMs = FAR_MS / 2;
    run = await start({ withOrigin: false, edge: { ORIGIN_URL: `${far.url},${near.url}` } });
  });
  afterAll(async () => {
    await run?.close();
    await far?.close();
    await near?.close();
  });

  test("before any is measured the first is asked, then the nearest", async () => {
    ({ text } = await chat(run.url, "first"));
    expect(served()).toEqual({ far: 1, near: 0 });
    // Measured in the background of an answer; a later one knows it.
    let asked = 0;
    await eventually(async () => {
      const probe = await chat(run.url, `probe ${asked++}`, { max_tokens: 1 });
      expect(placementOf(probe).round_trip_ms).toBeLessThan(FAR_MS);
    });
    const before = served();
    ({ text: seededText } = await chat(run.url, "second", seeded));
    const again = await chat(run.url, "third");
    expect(served()).toEqual({ far: before.far, near: before.near + 2 });
    expect(again.text).toBe(text);
  });

  test("where the nearest dies in the middle of an answer the other goes on, and the words are the same", async () => {
    near.proxy.plan("cut", 4);
    const before = served();
    const answer = await chat(run.url, "cut off");
    expect(answer.text).toBe(text);
    expect(served().far).toBe(before.far + 1);
    near.proxy.plan("cut", 4);
    expect((await chat(run.url, "cut off, seeded", seeded)).text).toBe(seededText);
    expect(served().far).toBe(before.far + 2);
  });

  test("where the nearest refuses connections the other answers, and is asked first from then on", async () => {
    near.proxy.refusing = true;
    const before = served();
    expect((await chat(run.url, "refused")).text).toBe(text);
    expect((await chat(run.url, "refused, seeded", seeded)).text).toBe(seededText);
    expect(served()).toEqual({ ...before, far: before.far + 2 });
    near.proxy.refusing = false;
  });
});
