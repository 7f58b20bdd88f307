/**
 * Storage that fails under the edge's objects: SQLite files that were damaged while nobody ran, and a real disk that is
 * full. Every answer comes, its text is the undisturbed one, and it says that nothing of it is kept.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type SmallDisk, smallDisk } from "../support/small-disk.ts";
import { type Running, start } from "./harness.ts";

const home = mkdtempSync(join(tmpdir(), "outrider-failing-"));
const hash = (key: string) => createHash("sha256").update(key).digest("hex");
const KEYS = Object.entries({ any: "", slow: ":rpm=3", one: ":parallel=1", reshaped: "" }).map(
  ([name, limits]) => `${name}:${hash(name)}${limits}`,
);
const EDGE = { API_KEYS: KEYS.join(" "), MAX_TOKENS: "50" };

let run: Running;
let logged: string[] = [];
const began = async (state: string) => {
  logged = [];
  run = await start({ edge: EDGE, state, log: (line) => void logged.push(line) });
};
/** Lines of the edge's own that tell of failing storage, without the reason. */
const told = () => logged.flatMap((line) => /the storage fails \(.*?\): (.*?)\./.exec(line)?.[1] ?? []);

const FIRST = "What did the riders see?";
const MESSAGES = [{ role: "user", content: FIRST }];
const ask = (route: string, affinity: string, body: object, key = "any") =>
  run.post(
    route,
    { model: "tiny", ...body },
    { headers: { authorization: `Bearer ${key}`, "x-session-affinity": affinity } },
  );
const chat = (affinity: string, body: object = {}, key = "any") =>
  ask("/v1/chat/completions", affinity, { messages: MESSAGES, temperature: 0, max_tokens: 12, ...body }, key);
const respond = (affinity: string, body: object = {}) =>
  ask("/v1/responses", affinity, { input: FIRST, temperature: 0, max_output_tokens: 12, ...body });

/** Status, text, and what was said of storing it. */
async function seen(response: Response) {
  const { choices, outrider, error } = await response.json();
  return { status: response.status, text: choices?.[0].message.content ?? error.code, unstored: outrider?.unstored };
}

/** The same of a stream, whose last event must be its end. */
async function seenOf(response: Response) {
  const events = (await response.text()).trimEnd().split("\n\n");
  expect(events.at(-1)).toBe("data: [DONE]");
  const chunks = events.slice(0, -1).map((event) => JSON.parse(event.slice("data: ".length)));
  const text = chunks.map(({ choices }) => choices?.[0]?.delta.content ?? "").join("");
  return { status: response.status, text, unstored: chunks.at(-1).outrider.unstored };
}

/** The response that a stream of events ends with. */
async function lastOf(response: Response) {
  const events = (await response.text()).trimEnd().split("\n\n");
  return events.map((event) => JSON.parse(event.split("\ndata: ")[1]!)).at(-1).response;
}

const textOf = (response: { output: { content: { text: string }[] }[] }) => response.output[0]!.content[0]!.text;
const errorOf = async (response: Response) => {
  const { error } = await response.json();
  return { status: response.status, code: error.code, message: error.message };
};

let right: string;
/** Of a conversation that was here before the storage failed. */
let previous: string;

/** A conversation and a response, stored as they should be. */
async function undisturbed() {
  const whole = await seen(await chat("before"));
  right = whole.text;
  expect(whole).toEqual({ status: 200, text: right, unstored: undefined });
  const response = await (await respond("before")).json();
  previous = response.id;
  expect({ store: response.store, unstored: response.outrider.unstored }).toEqual({ store: true, unstored: undefined });
  for (const key of ["slow", "one"]) expect((await chat("before", {}, key)).status).toBe(200);
}

/** What holds however the storage fails; what `undisturbed` asked was stored before. */
function answersAnyway() {
  test("answers come, whole and streamed, with the undisturbed text, and say that they are not stored", async () => {
    const unstored = { status: 200, text: right, unstored: true };
    expect(await seen(await chat("before"))).toEqual(unstored);
    expect(await seenOf(await chat("before", { stream: true }))).toEqual(unstored);
    const messages = await (
      await ask("/v1/messages", "before", { messages: MESSAGES, temperature: 0, max_tokens: 12 })
    ).json();
    expect({ text: messages.content[0].text, unstored: messages.outrider.unstored }).toEqual({
      text: right,
      unstored: true,
    });
    expect((await ask("/tokenize", "before", { prompt: FIRST })).status).toBe(200);
  });

  test("a response is answered and does not say that it is stored", async () => {
    for (const response of [
      await (await respond("before")).json(),
      await lastOf(await respond("before", { stream: true })),
    ]) {
      const { store, outrider } = response;
      expect({ text: textOf(response), store, unstored: outrider.unstored }).toEqual({
        text: right,
        store: false,
        unstored: true,
      });
    }
  });

  test("what needs what is stored is a 503 that says what to do", async () => {
    const failed = { status: 503, code: "storage_failed" };
    const headers = { authorization: "Bearer any" };
    const next = await errorOf(await respond("before", { previous_response_id: previous, input: "And then?" }));
    expect(next).toMatchObject(failed);
    expect(next.message).toContain("send the whole conversation as input");
    expect(await errorOf(await fetch(`${run.url}/v1/responses/${previous}`, { headers }))).toMatchObject(failed);
    const deleted = await fetch(`${run.url}/v1/responses/${previous}`, { method: "DELETE", headers });
    expect(await errorOf(deleted)).toMatchObject(failed);
    expect(await errorOf(await fetch(`${run.url}/v1/usage`, { headers }))).toMatchObject(failed);
  });

  test("a key's limits hold, and an answer that has ended makes room for the next", async () => {
    for (let n = 0; n < 3; n++) {
      // Its end is counted behind the answer.
      await expect.poll(async () => (await chat("alone", {}, "one")).status, { timeout: 60_000 }).toBe(200);
    }
    const statuses = await Promise.all(Array.from({ length: 9 }, async () => (await chat("", {}, "slow")).status));
    // Three a minute: even where these took a minute, most are too many.
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(3);
    expect(statuses.filter((status) => status !== 429 && status !== 200)).toEqual([]);
  });

  test("the log tells of each consequence once", () => {
    expect(told().filter((line) => line.startsWith("answers go on, and nothing"))).toHaveLength(1);
    expect(told().filter((line) => line.startsWith("the limits of keys"))).toHaveLength(1);
    expect(new Set(told()).size).toBe(told().length);
  });
}

describe("damaged files", () => {
  const state = join(home, "damaged");
  const sqlite = () =>
    readdirSync(join(state, "do"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".sqlite") && !file.endsWith("metadata.sqlite"))
      .map((file) => join(state, "do", file));

  beforeAll(async () => {
    await began(state);
    await undisturbed();
    const damaged = sqlite();
    await (await chat("reshaped", {}, "reshaped")).text();
    await run.close();
    for (const file of sqlite().filter((each) => each.includes("Meter") && !damaged.includes(each))) {
      const database = new DatabaseSync(file);
      database.exec("DROP TABLE usage; CREATE TABLE usage (planet TEXT)");
      database.close();
    }
    for (const [n, file] of damaged.entries()) {
      // All of it in one file.
      const database = new DatabaseSync(file);
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      database.close();
      if (n % 2 === 0) truncateSync(file, readFileSync(file).length / 2);
      else writeFileSync(file, Buffer.concat([Buffer.from("not a database!!"), readFileSync(file).subarray(16)]));
    }
    await began(state);
  });
  afterAll(() => run.close());

  answersAnyway();

  test("a key whose counts are of another shape counts anew", async () => {
    expect((await chat("another", {}, "reshaped")).status).toBe(200);
    await expect
      .poll(async () => {
        const usage = await fetch(`${run.url}/v1/usage`, { headers: { authorization: "Bearer reshaped" } });
        return (await usage.json()).days?.map(({ requests }: { requests: number }) => requests);
      })
      .toEqual([1]);
  });

  test("a conversation whose file is whole is stored as ever", async () => {
    expect(await seen(await chat("another"))).toEqual({ status: 200, text: right, unstored: undefined });
  });
});

const mayMount = smallDisk(join(home, "probe"));
mayMount?.close();

describe.skipIf(!mayMount)("a full disk (Linux, root)", () => {
  const state = join(home, "disk");
  let disk: SmallDisk;

  beforeAll(async () => {
    disk = smallDisk(state)!;
    await began(state);
    await undisturbed();
    for (const asked of [chat("streamed"), respond("stream of a response")]) await (await asked).text();
    disk.fill(true);
  });
  afterAll(async () => {
    await run.close();
    disk.close();
  });

  test("a stream whose end cannot be stored is whole, and nothing comes behind its end", async () => {
    const { status, text } = await seenOf(await chat("streamed", { stream: true }));
    expect({ status, text }).toEqual({ status: 200, text: right });
  });

  test("a response whose Session is in memory and cannot store says so from its first event on", async () => {
    const response = await respond("stream of a response", { stream: true });
    const events = (await response.text()).trimEnd().split("\n\n");
    const stores = events.flatMap((event) => JSON.parse(event.split("\ndata: ")[1]!).response?.store ?? []);
    expect(new Set(stores)).toEqual(new Set([false]));
    expect(events.filter((event) => event.includes('"error":{'))).toEqual([]);
  });

  test("14 of 14 first turns are answered", async () => {
    const turns = Array.from({ length: 14 }, async (_, n) =>
      n % 2 === 0 ? seen(await chat(`first ${n}`)) : seenOf(await chat(`first ${n}`, { stream: true })),
    );
    expect(await Promise.all(turns)).toEqual(Array(14).fill({ status: 200, text: right, unstored: true }));
  });

  answersAnyway();

  test("once there is room, answers are stored again", async () => {
    disk.fill(false);
    await eventually(async () =>
      expect(await seen(await chat("first 0"))).toEqual({ status: 200, text: right, unstored: undefined }),
    );
    const { store } = await (await respond("before")).json();
    expect(store).toBe(true);
  });
});

afterAll(() => rmSync(home, { recursive: true, force: true }));
