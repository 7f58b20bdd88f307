/** Keys with names: limits, headers, usage, and who gets in. */
import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { answerOf, type Running, start } from "./harness.ts";

const CHAT = "/v1/chat/completions";
const hash = (key: string) => createHash("sha256").update(key).digest("hex");
const named = (name: string, limits = "") => `${name}:${hash(`key-of-${name}`)}${limits && `:${limits}`}`;
const body = (content: string, fields: object = {}) => ({
  model: "tiny",
  messages: [{ role: "user", content }],
  temperature: 0,
  max_tokens: 8,
  ...fields,
});

let run: Running;
beforeAll(async () => {
  const KEYS = [
    named("free"),
    named("slow", "rpm=3,tpd=100000"),
    named("small", "tpm=10,max=5"),
    named("one", "parallel=1"),
    named("victim"),
    named("thief"),
    ...["tokens", "ids", "template", "count", "refused", "stored"].map((name) => named(name)),
    named("reader", "tpm=150"),
  ].join(" ");
  run = await start({ edge: { API_KEYS: `plain-key, ${KEYS}`, OPERATOR_KEY: "operator-key", MAX_TOKENS: "50" } });
});
afterAll(() => run.close());

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const ask = (name: string, fields: object = {}, headers: Record<string, string> = {}) =>
  run.post(CHAT, body(`I am ${name}.`, fields), { headers: { ...bearer(`key-of-${name}`), ...headers } });

const usage = async (path: string, key: string) => {
  const response = await fetch(`${run.url}/v1/usage${path}`, { headers: bearer(key) });
  return {
    status: response.status,
    body: (await response.json()) as { days?: { requests: number; tokens: number }[] },
  };
};

describe("limits", () => {
  test("requests a minute: answers carry OpenAI's headers, and the one too many is a 429 that says when", async () => {
    for (const remaining of ["2", "1", "0"]) {
      const response = await ask("slow");
      expect(response.status).toBe(200);
      expect(response.headers.get("x-ratelimit-limit-requests")).toBe("3");
      // On a slow machine a request may have run out of its minute again.
      expect(Number(response.headers.get("x-ratelimit-remaining-requests"))).toBeGreaterThanOrEqual(Number(remaining));
      expect(response.headers.get("x-ratelimit-reset-requests")).toMatch(/^[\dhms.]+s$/);
      expect(response.headers.get("x-ratelimit-limit-tokens")).toBe("100000");
      await response.text();
    }
    const many = await Promise.all(Array.from({ length: 6 }, () => ask("slow")));
    const refused = many.filter(({ status }) => status === 429);
    // Three a minute: even where these took a minute, most are too many.
    expect(refused.length).toBeGreaterThanOrEqual(3);
    expect(Number(refused[0]?.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(refused[0]?.headers.get("x-ratelimit-remaining-requests")).toBe("0");
    expect(await refused[0]?.json()).toMatchObject({
      error: {
        type: "rate_limit_error",
        code: "rate_limit_exceeded",
        message: expect.stringMatching(
          /^the key "slow" has reached its limit of 3 requests a minute; try again in \d+ s$/,
        ),
      },
    });
    await Promise.all(many.filter(({ bodyUsed }) => !bodyUsed).map((response) => response.text()));
  });

  test("tokens a minute, and of an answer", async () => {
    const first = await answerOf(ask("small", { max_tokens: 1000 }));
    expect(first.usage.completion_tokens).toBe(5);
    expect((await ask("small", { max_tokens: 1000 })).status).toBe(429);
    const free = await answerOf(run.post(CHAT, body("Long", { max_tokens: null }), { headers: bearer("key-of-free") }));
    expect(free.usage.completion_tokens).toBeLessThanOrEqual(50);
  });

  test("answers at once; the end of one, also of one that was refused or left, makes room for the next", async () => {
    const first = await ask("one", { stream: true, max_tokens: 50 });
    expect(first.status).toBe(200);
    const second = await ask("one");
    if (second.status !== 200) expect(await second.json()).toMatchObject({ error: { code: "rate_limit_exceeded" } });
    await first.body?.cancel();
    await eventually(async () => expect((await ask("one")).status).toBe(200));
    await eventually(async () =>
      expect(
        (await ask("one", { max_tokens: 8, messages: [{ role: "user", content: "x ".repeat(9000) }] })).status,
      ).toBe(400),
    );
    await eventually(async () => expect((await ask("one")).status).toBe(200));
  });
});

describe("usage", () => {
  test("a key reads its own, the operator everybody's, and nobody else's is shown", async () => {
    const { usage: used } = await answerOf(ask("victim"));
    await eventually(async () => {
      const { body } = await usage("/victim", "operator-key");
      expect(body.days?.[0]).toMatchObject({ requests: 1, tokens: used.total_tokens });
    });
    expect(await usage("", "key-of-victim")).toMatchObject({ status: 200, body: { key: "victim" } });
    expect((await usage("/victim", "key-of-victim")).status).toBe(200);
    expect((await usage("/victim", "key-of-thief")).status).toBe(404);
    expect((await usage("/victim", "plain-key")).status).toBe(404);
    expect((await usage("", "plain-key")).status).toBe(404);
    expect((await usage("/victim", "wrong")).status).toBe(401);
  });
});

describe("what no answer comes of costs its key what it takes to read it", () => {
  /** Of the key's only day. */
  const paid = async (name: string) => (await usage(`/${name}`, "operator-key")).body.days?.[0];
  const headers = (name: string) => ({ headers: bearer(`key-of-${name}`) });
  const MESSAGES = { model: "tiny", max_tokens: 8, messages: [{ role: "user", content: "a".repeat(800) }] };

  test.each<[string, string, unknown]>([
    ["tokens", "/tokenize", { content: "a".repeat(800) }],
    ["ids", "/detokenize", { tokens: new Array(200).fill(100) }],
    ["template", "/apply-template", { messages: MESSAGES.messages }],
    ["count", "/v1/messages/count_tokens", MESSAGES],
  ])("a question about %s", async (name, route, asked) => {
    const response = await run.post(route, asked, headers(name));
    expect(response.status).toBe(200);
    await response.text();
    // An eighth of a quarter of its eight hundred characters, and of what is around them.
    await eventually(async () => expect((await paid(name))?.tokens).toBeGreaterThan(0));
    const { requests, tokens } = (await paid(name))!;
    expect(requests).toBe(1);
    expect(tokens).toBeGreaterThanOrEqual(25);
    expect(tokens).toBeLessThan(50);
  });

  test("and where the key has no more, it is refused", async () => {
    const ask = () => run.post("/tokenize", { content: "a".repeat(3200) }, headers("reader"));
    expect((await ask()).status).toBe(200);
    const second = await ask();
    expect(second.status).toBe(429);
    expect((await second.json()) as object).toMatchObject({ error: { code: "rate_limit_exceeded" } });
  });

  test("a prompt that its Session refuses", async () => {
    const long = [
      { role: "assistant", content: "a ".repeat(4000) },
      { role: "user", content: "Hi" },
    ];
    const refused = await run.post(CHAT, body("", { messages: long }), headers("refused"));
    expect(refused.status).toBe(400);
    await refused.text();
    await eventually(async () => expect((await paid("refused"))?.tokens).toBeLessThan(400));
    expect((await paid("refused"))?.tokens).toBeGreaterThan(200);
  });

  test("a stored response is a request of its key", async () => {
    for (const method of ["GET", "DELETE"]) {
      const stored = `${run.url}/v1/responses/resp_${"0".repeat(56)}`;
      const response = await fetch(stored, { method, headers: bearer("key-of-stored") });
      expect(response.status).toBe(404);
      await response.text();
    }
    expect(await paid("stored")).toMatchObject({ requests: 2, tokens: 0 });
  });
});

describe("who gets in", () => {
  const real = ["free", "slow", "small", "one", "victim", "thief"].map((name) => `key-of-${name}`);
  const forged = (i: number): string => {
    const key = real[i % real.length]!;
    const at = i % key.length;
    return [
      `or-${randomBytes(24).toString("hex")}`,
      hash(key),
      key.slice(0, -1 - (i % 5)),
      `${key}${i}`,
      key.slice(0, at) + String.fromCharCode((key.charCodeAt(at) % 25) + 65) + key.slice(at + 1),
      key.toUpperCase(),
      ["free", "anna:", "none", "plain-key,", "operator-ke", `${key},${key}`][i % 6]!,
      `key-of-revoked-${i}`,
    ][i % 8]!;
  };

  test("1,000 forged keys: none", async () => {
    const before = (await run.sessionIds()).length;
    const statuses: number[] = [];
    for (let i = 0; i < 1000; i += 50) {
      const some = Array.from({ length: 50 }, async (_, j) => {
        const key = forged(i + j);
        const response =
          j % 10 === 0
            ? await run.post(CHAT, body("let me in"), { headers: bearer(key) })
            : await fetch(`${run.url}/v1/models`, { headers: bearer(key) });
        await response.text();
        return response.status;
      });
      statuses.push(...(await Promise.all(some)));
    }
    expect(statuses.filter((status) => status !== 401)).toEqual([]);
    expect((await run.sessionIds()).length).toBe(before);
  });

  test("nobody sees another's conversation, whatever he calls his own", async () => {
    const secret = body("My number is four seven one one, and the wagons left at dawn.");
    const headers = { ...bearer("key-of-victim"), "x-session-affinity": "mine" };
    await answerOf(run.post(CHAT, { ...secret, prompt_cache_key: "cache" }, { headers: bearer("key-of-victim") }));
    await answerOf(run.post(CHAT, secret, { headers }));
    await answerOf(run.post(CHAT, secret, { headers: bearer("key-of-victim") }));
    const tries: [object, Record<string, string>][] = [
      [secret, { "x-session-affinity": "mine" }],
      [{ ...secret, prompt_cache_key: "cache" }, {}],
      [secret, {}],
      [secret, { "x-session": "mine", "x-key-name": "victim", "x-session-affinity": "mine" }],
      [secret, { "x-metered": '{"name":"victim","limits":{},"ticket":"t"}', "x-session-affinity": "mine" }],
    ];
    for (const key of ["key-of-thief", "plain-key", "operator-key"]) {
      for (const [asked, more] of tries) {
        const { usage: used } = await answerOf(run.post(CHAT, asked, { headers: { ...more, ...bearer(key) } }));
        // Of their own earlier tries they may hold the same text.
        if (more === tries[0]![1]) expect(used.prompt_tokens_details.cached_tokens).toBe(0);
      }
    }
    const own = await answerOf(run.post(CHAT, secret, { headers }));
    expect(own.usage.prompt_tokens_details.cached_tokens).toBeGreaterThan(0);
  });

  test("a revoked key is refused from the deployment on that lacks it", async () => {
    const other = await start({ edge: { API_KEYS: named("thief") }, withOrigin: false });
    try {
      const models = (name: string) => fetch(`${other.url}/v1/models`, { headers: bearer(`key-of-${name}`) });
      expect((await models("thief")).status).toBe(200);
      for (const name of ["victim", "free", "slow"]) expect((await models(name)).status).toBe(401);
    } finally {
      await other.close();
    }
  });

  test("an address without a key is let through so often, and the limiter of the platform says when it is too much", async () => {
    const open = await start({ strangers: 5, withOrigin: false });
    try {
      const from = (address: string) => fetch(`${open.url}/v1/models`, { headers: { "cf-connecting-ip": address } });
      const statuses: number[] = [];
      // A minute of the limiter may end in between, once.
      for (let i = 0; i < 11; i++) statuses.push((await from("10.0.0.1")).status);
      expect(statuses.slice(0, 5)).toEqual(Array(5).fill(200));
      expect(statuses).toContain(429);
    } finally {
      await open.close();
    }
  });
});
