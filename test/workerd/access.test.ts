/** Keys, and an origin that is not there. */
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openaiOf, type Running, start } from "./harness.ts";

const CHAT = "/v1/chat/completions";
const ask = {
  model: "tiny",
  messages: [{ role: "user" as const, content: "Who goes there?" }],
  temperature: 0,
  max_tokens: 12,
};

describe("with API keys", () => {
  let run: Running;
  beforeAll(async () => {
    run = await start({ edge: { API_KEYS: "alpha, beta" } });
  });
  afterAll(() => run.close());

  test.each(["alpha", "beta"])("%s may ask", async (key) => {
    const openai = openaiOf(run, key);
    expect((await openai.chat.completions.create(ask)).choices[0]?.finish_reason).toBe("length");
    expect((await openai.models.list()).data).toHaveLength(1);
  });

  test.each<[string, Record<string, string>, string]>([
    ["no key", {}, "missing_api_key"],
    ["a wrong key", { authorization: "Bearer gamma" }, "invalid_api_key"],
    ["both keys", { authorization: "Bearer alpha, beta" }, "missing_api_key"],
    ["a beginning of a key", { authorization: "Bearer alph" }, "invalid_api_key"],
    ["another scheme", { authorization: "Basic alpha" }, "missing_api_key"],
  ])("%s: 401 in OpenAI's shape", async (_, headers, code) => {
    for (const response of [await run.post(CHAT, ask, { headers }), await fetch(`${run.url}/v1/models`, { headers })]) {
      expect(response.status).toBe(401);
      expect(response.headers.get("access-control-allow-origin")).toBe("*");
      expect(await response.json()).toEqual({
        error: { message: expect.any(String), type: "invalid_request_error", param: null, code },
      });
    }
  });

  test("a wrong key is not told that its body is too large", async () => {
    const response = await run.post(CHAT, "x".repeat(2 * 1024 * 1024), { headers: { authorization: "Bearer gamma" } });
    expect(response.status).toBe(401);
  });

  test.each([CHAT, "/no/such/route"])("%s refuses behind the body, or its client would not hear why", async (route) => {
    const body = "x".repeat(1024 * 1024);
    const headers = { authorization: "Bearer gamma", "content-length": body.length };
    const asked = request(run.url + route, { method: "POST", headers });
    let hasSent = false;
    const answered = new Promise<readonly [number | undefined, boolean]>((resolve, reject) => {
      asked.on("response", ({ statusCode }) => resolve([statusCode, hasSent]));
      asked.on("error", reject);
    });
    asked.write(body.slice(1));
    await Promise.race([answered, sleep(200)]);
    hasSent = true;
    asked.end("x");
    expect(await answered).toEqual([route === CHAT ? 401 : 404, true]);
  });

  test("the SDK sees an AuthenticationError", async () => {
    const openai = openaiOf(run, "gamma");
    await expect(openai.chat.completions.create(ask)).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
  });

  test("preflights, health and the page need none", async () => {
    const preflight = {
      method: "OPTIONS",
      headers: { origin: "https://a.example", "access-control-request-method": "POST" },
    };
    expect((await fetch(run.url + CHAT, preflight)).status).toBe(204);
    expect((await fetch(`${run.url}/health`)).status).toBe(200);
    expect((await fetch(`${run.url}/`)).status).toBe(200);
  });
});

describe("without an origin", () => {
  test("503 with retry-after, in OpenAI's shape, streamed or not", async () => {
    const run = await start({ withOrigin: false });
    try {
      for (const stream of [true, false]) {
        const response = await run.post(CHAT, { ...ask, stream });
        expect(response.status).toBe(503);
        expect(response.headers.get("retry-after")).toMatch(/^\d+$/);
        expect(response.headers.get("x-should-retry")).toBeNull();
        expect(await response.json()).toMatchObject({ error: { type: "server_error", code: "origin_missing" } });
      }
    } finally {
      await run.close();
    }
  });

  test("one that refuses the token is a 503 as well, and says nothing about the token", async () => {
    const run = await start({ edge: { ORIGIN_TOKEN: "wrong" }, origin: { ORIGIN_TOKEN: "right" } });
    try {
      const response = await run.post(CHAT, ask);
      expect(response.status).toBe(503);
      const text = await response.text();
      expect(JSON.parse(text)).toMatchObject({ error: { code: "origin_unreachable" } });
      expect(text).not.toMatch(/wrong|right/);
    } finally {
      await run.close();
    }
  });

  test("the right token opens the origin", async () => {
    const run = await start({ edge: { ORIGIN_TOKEN: "right" }, origin: { ORIGIN_TOKEN: "right" } });
    try {
      expect((await run.post(CHAT, ask)).status).toBe(200);
    } finally {
      await run.close();
    }
  });
});
