/** A Session's life: turns in order, eviction and restoration, damaged storage, clients that leave, tenants apart. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Generation } from "../../src/edge/prompt/generation.ts";
import { sessionName } from "../../src/edge/tenant/tenant.ts";
import { eventually } from "../support/eventually.ts";
import { answerOf, type Running, sleep, start } from "./harness.ts";

let run: Running;
beforeAll(async () => {
  run = await start();
});
afterAll(() => run.close());

const CHAT = "/v1/chat/completions";
const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });

/** The name of an open API's Session for a session header. */
const nameOf = (affinity: string, tenant = "open:") => sessionName(tenant, affinity, { model: "tiny" } as Generation);

const chat = (affinity: string, messages: object[], fields: object = {}) =>
  answerOf(
    run.post(
      CHAT,
      { model: "tiny", messages, temperature: 0, max_tokens: 60, ...fields },
      { headers: { "x-session-affinity": affinity } },
    ),
  );

const LONG = "The wagons left at dawn and the road went north along the river. ".repeat(12);
const opening = [user(`${LONG} What did the riders see?`)];

/**
 * A first turn over several pages, asked twice, since pages are stored from the second time on; and the messages of
 * the next.
 */
async function firstTurn(affinity: string): Promise<object[]> {
  await chat(affinity, opening, { outrider: { patience_ms: 1000 } });
  const { text } = await chat(affinity, opening, { outrider: { patience_ms: 1000 } });
  return [...opening, assistant(text), user("And then?")];
}

let undamaged: Promise<string> | undefined;

/** The second turn's text of a Session that nobody touches. */
function undamagedAnswer(): Promise<string> {
  undamaged ??= firstTurn("undamaged").then(async (messages) => (await chat("undamaged", messages)).text);
  return undamaged;
}

const pagesOf = async (affinity: string) =>
  run.sql(
    await nameOf(affinity),
    "SELECT page, part, length(tokens) / 4 AS tokens, length(bytes) AS bytes FROM pages ORDER BY page, part",
  );

describe("after an eviction", () => {
  test("the next turn restores what was stored and says the same", async () => {
    const [evicted, stayed] = [await firstTurn("evicted"), await firstTurn("stayed")];
    expect(evicted).toEqual(stayed);
    const stored = await pagesOf("evicted");
    expect(stored.length).toBeGreaterThan(5);
    expect(stored.map((row) => row.page)).toEqual(stored.map((_, i) => i));
    expect(stored.every((row) => row.tokens === 32)).toBe(true);

    await run.evict(await nameOf("evicted"));
    const ask = { outrider: { patience_ms: 1000 } };
    const [after, without] = [await chat("evicted", evicted, ask), await chat("stayed", stayed, ask)];
    expect(after.text).toBe(without.text);
    // The answer comes back through the tokenizer, perhaps as other tokens; up to its beginning everything is shared.
    expect(after.outrider.draft_cache_n).toBeGreaterThan(200);
    expect(without.outrider.draft_cache_n).toBeGreaterThan(200);
    // The origin still holds the Session's prefix, and the edge still knows which.
    expect(after.timings.cache_n).toBe(without.timings.cache_n);
    expect(after.timings.cache_n).toBeGreaterThan(200);
  });

  test("only what changed is written again", async () => {
    const second = await firstTurn("written");
    const name = await nameOf("written");
    await run.sql(name, "ALTER TABLE pages ADD COLUMN old INTEGER");
    await run.sql(name, "UPDATE pages SET old = 1");
    await chat("written", second, { outrider: { patience_ms: 1000 } });
    const pages = await run.sql(name, "SELECT page, old FROM pages ORDER BY page");
    const kept = pages.filter((row) => row.old === 1).map((row) => row.page);
    expect(kept.length).toBeGreaterThan(5);
    expect(kept).toEqual(kept.map((_, i) => i));
    expect(pages.length).toBeGreaterThan(kept.length);
  });

  test.each<[string, string, number]>([
    ["a page whose bytes are damaged", "UPDATE pages SET bytes = zeroblob(length(bytes)) WHERE page = 2", 64],
    ["a page that was cut short", "UPDATE pages SET bytes = substr(bytes, 1, 100) WHERE page = 1", 32],
    ["a page with other tokens", "UPDATE pages SET tokens = zeroblob(length(tokens)) WHERE page = 3", 96],
    ["a missing page", "DELETE FROM pages WHERE page = 1", 32],
    ["pages of another draft", "UPDATE pages SET pack = substr(pack, 1, instr(pack, ':')) || 'another'", 0],
    ["pages of another format", "UPDATE pages SET pack = '0' || substr(pack, instr(pack, ':'))", 0],
    ["no pages", "DELETE FROM pages", 0],
  ])("%s: dropped with all after it, recomputed, the words the same", async (what, damage, restored) => {
    const messages = await firstTurn(what);
    const name = await nameOf(what);
    await run.sql(name, damage);
    await run.evict(name);
    const answer = await chat(what, messages, { outrider: { patience_ms: 1000 } });
    expect(answer.text).toBe(await undamagedAnswer());
    expect(answer.outrider.draft_cache_n).toBe(restored);
    // What was recomputed is stored whole again.
    const rows = await pagesOf(what);
    expect(rows.map((row) => row.page)).toEqual(rows.map((_, i) => i));
    await run.evict(name);
    expect((await chat(what, messages, { outrider: { patience_ms: 1000 } })).outrider.draft_cache_n).toBeGreaterThan(
      200,
    );
  });

  test("a damaged timeline costs nothing but a longer open", async () => {
    const messages = await firstTurn("timeline");
    const name = await nameOf("timeline");
    await run.sql(name, "UPDATE timeline SET tokens = zeroblob(400)");
    await run.evict(name);
    const answer = await chat("timeline", messages);
    expect(answer.timings.cache_n).toBe(0);
    expect(answer.text).toBe((await chat("timeline, not", await firstTurn("timeline, not"))).text);
  });
});

describe("several requests to one Session", () => {
  test("answer one after the other, each as if alone", async () => {
    const alone = await chat("alone", opening);
    const answers = await Promise.all([1, 2, 3].map(() => chat("together", opening)));
    expect(answers.map((answer) => answer.text)).toEqual([alone.text, alone.text, alone.text]);
  });

  test("five at a time; more are told to come back", async () => {
    const asked = Array.from({ length: 9 }, () =>
      run.post(
        CHAT,
        { model: "tiny", messages: opening, max_tokens: 30 },
        { headers: { "x-session-affinity": "crowd" } },
      ),
    );
    const responses = await Promise.all(asked);
    const refused = responses.filter((response) => response.status === 429);
    expect(responses.filter((response) => response.status === 200)).toHaveLength(5);
    expect(refused).toHaveLength(4);
    expect(refused[0]?.headers.get("retry-after")).toMatch(/^\d+$/);
    const bodies = await Promise.all(responses.map((response) => response.json()));
    const busy = { error: { type: "rate_limit_error", code: "session_busy" } };
    expect(bodies.filter((body) => typeof body === "object" && body !== null && "error" in body)).toMatchObject(
      Array(4).fill(busy),
    );
    expect(
      (
        await run.post(
          CHAT,
          { model: "tiny", messages: opening, max_tokens: 5 },
          { headers: { "x-session-affinity": "crowd" } },
        )
      ).status,
    ).toBe(200);
  });

  test("conversations that only begin alike do not wait for each other: 12 at once, 12 answers", async () => {
    const before = (await run.sessionIds()).length;
    const body = { model: "tiny", messages: [user("Hello, all twelve of you")], temperature: 0, max_tokens: 20 };
    const responses = await Promise.all(Array.from({ length: 12 }, () => run.post(CHAT, body)));
    expect(responses.map((response) => response.status)).toEqual(Array(12).fill(200));
    const texts = await Promise.all(responses.map(async (response) => (await answerOf(response)).text));
    expect(new Set(texts).size).toBe(1);
    // Of them only the Session of that name keeps anything.
    expect((await run.sessionIds()).length).toBeGreaterThan(before);
    const next = [...body.messages, { role: "assistant", content: texts[0] }, user("And now?")];
    const turn = await answerOf(run.post(CHAT, { ...body, messages: next }));
    expect(turn.usage.prompt_tokens_details.cached_tokens).toBeGreaterThan(10);
  });

  test("many Sessions that start at once in a fresh isolate do not disturb each other", async () => {
    const fresh = await start();
    try {
      const ask = (i: number) =>
        fresh.post(
          CHAT,
          { model: "tiny", messages: opening, temperature: 0.8, seed: 5, max_tokens: 60 },
          { headers: { "x-session-affinity": `many ${i}` } },
        );
      const texts = await Promise.all(Array.from({ length: 8 }, async (_, i) => (await answerOf(ask(i))).text));
      expect(new Set(texts).size).toBe(1);
    } finally {
      await fresh.close();
    }
  });
});

describe("a client that leaves", () => {
  const endless = { model: "tiny", messages: opening, temperature: 0, max_tokens: 1500 };
  const decided = async (affinity: string): Promise<number> => {
    const [row] = await run.sql(await nameOf(affinity), "SELECT length(tokens) / 4 AS tokens FROM timeline");
    return Number(row?.tokens ?? 0);
  };

  // One that is not streamed: lost.test.ts.
  test("stops drafting and target within a round or two", async () => {
    const affinity = "leaves";
    const stayed = await chat("stays", opening);
    const leave = new AbortController();
    const response = await run.post(
      CHAT,
      { ...endless, stream: true },
      { headers: { "x-session-affinity": affinity }, signal: leave.signal },
    );
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    for (let i = 0; i < 3; i++) await reader.read();
    leave.abort();
    await eventually(async () => expect((await run.originHealth()).live).toBe(0));
    await eventually(async () => expect(await decided(affinity)).toBeGreaterThan(0));
    const some = await decided(affinity);
    expect(some - stayed.usage.prompt_tokens).toBeLessThan(endless.max_tokens / 3);
    await sleep(200);
    expect(await decided(affinity)).toBe(some);
    // And the Session is free for the next turn.
    expect((await chat(affinity, opening)).text).toBe(stayed.text);
  });
});

describe("whose Session it is", () => {
  test("two tenants with equal session headers do not share one", async () => {
    const keyed = await start({ edge: { API_KEYS: "first-key, second-key" } });
    try {
      const ask = (key: string, content: string) =>
        keyed.post(
          CHAT,
          { model: "tiny", messages: [user(content)], max_tokens: 5 },
          {
            headers: { authorization: `Bearer ${key}`, "x-session-affinity": "same" },
          },
        );
      for (const response of [
        await ask("first-key", "One"),
        await ask("second-key", "Two, and longer"),
        await ask("first-key", "One"),
      ]) {
        expect(response.status).toBe(200);
        await response.text();
      }
      const ids = await keyed.sessionIds();
      expect(ids).toHaveLength(2);
      const lengths = await Promise.all(
        ["key:first-key", "key:second-key"].map(async (tenant) => {
          const [row] = await keyed.sql(
            await nameOf("same", tenant),
            "SELECT length(tokens) / 4 AS tokens FROM timeline",
          );
          return Number(row?.tokens);
        }),
      );
      expect(lengths[0]).toBeGreaterThan(0);
      expect(lengths[1]).toBeGreaterThan(lengths[0] as number);
    } finally {
      await keyed.close();
    }
  });

  test("header, prompt_cache_key and opening lead to different Sessions, later turns to the same", async () => {
    const generation = (fields: object): Generation =>
      ({
        model: "tiny",
        cacheKey: null,
        input: { kind: "chat", messages: [user("a")] },
        ...fields,
      }) as unknown as Generation;
    const named = (affinity: string | null, fields: object = {}) => sessionName("open:", affinity, generation(fields));
    const later = { input: { kind: "chat", messages: [user("a"), assistant("b"), user("c")] } };
    const other = { input: { kind: "chat", messages: [user("other")] } };
    const names = await Promise.all([named("x"), named(null, { cacheKey: "x" }), named(null), named(null, other)]);
    expect(new Set(names).size).toBe(4);
    expect(await named(null, later)).toBe(names[2]);
    expect(await named("x", later)).toBe(names[0]);
    expect(await sessionName("key:k", "x", generation({}))).not.toBe(names[0]);
    for (const name of names) expect(name).toMatch(/^[0-9a-f]{64}$/);
  });
});
