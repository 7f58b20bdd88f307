import { createHash, createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { parseChat, parseCompletion } from "../../src/edge/api/openai/openai.ts";
import type { Env } from "../../src/edge/env.ts";
import type { Generation } from "../../src/edge/prompt/generation.ts";
import { authenticate, checkStranger, sessionName } from "../../src/edge/tenant/tenant.ts";

const env = (fields: object): Env => fields as Env;
const chat = (messages: object[], fields: object = {}): Generation =>
  parseChat({ model: "m", messages, ...fields }, () => 0);
const [first, reply, second] = [
  { role: "user", content: "a" },
  { role: "assistant", content: "b" },
  { role: "user", content: "c" },
];

describe("who asks", () => {
  test("without keys everybody is one tenant, under the server's secret", async () => {
    const open = { name: null, record: null, isOperator: false };
    expect(await authenticate(null, env({}))).toEqual({ ...open, secret: "open:" });
    expect(await authenticate("Bearer whatever", env({ API_KEYS: "" }))).toEqual({ ...open, secret: "open:" });
    expect(await authenticate(null, env({ SESSION_SECRET: "s" }))).toEqual({ ...open, secret: "open:s" });
  });

  test("a list of keys without a key opens nothing", async () => {
    for (const API_KEYS of [" , ", ",", " "]) {
      const asked = authenticate("Bearer whatever", env({ API_KEYS }));
      await expect(asked).rejects.toMatchObject({ code: "bad_setting", status: 500 });
    }
  });

  test("with keys, one of them", async () => {
    const keys = env({ API_KEYS: "alpha,beta, gamma " });
    for (const key of ["alpha", "beta", "gamma"]) {
      expect(await authenticate(`Bearer ${key}`, keys)).toMatchObject({ secret: `key:${key}`, record: null });
    }
    expect(await authenticate("bearer  beta ", keys)).toMatchObject({ secret: "key:beta" });
    for (const wrong of ["delta", "alph", "alphaa", "alpha,beta", ","]) {
      await expect(authenticate(`Bearer ${wrong}`, keys)).rejects.toMatchObject({
        status: 401,
        code: "invalid_api_key",
      });
    }
    for (const none of [null, "", "alpha", "Basic alpha", "Bearer "]) {
      await expect(authenticate(none, keys)).rejects.toMatchObject({ status: 401, code: "missing_api_key" });
    }
  });
});

describe("keys with names", () => {
  const hash = (key: string) => createHash("sha256").update(key).digest("hex");
  const KEYS = `anna:${hash("annas-key")}:rpm=3 ben:${hash("bens-key")}`;

  test("are known by their hashes, beside plain ones", async () => {
    const both = env({ API_KEYS: `plain ${KEYS}` });
    expect(await authenticate("Bearer annas-key", both)).toEqual({
      secret: "key:annas-key",
      name: "anna",
      record: { name: "anna", hash: hash("annas-key"), limits: { rpm: 3 } },
      isOperator: false,
    });
    expect(await authenticate("Bearer plain", both)).toMatchObject({ record: null, name: hash("plain").slice(0, 8) });
    for (const wrong of ["anna", hash("annas-key"), "annas-ke", "annas-keyy"]) {
      await expect(authenticate(`Bearer ${wrong}`, both)).rejects.toMatchObject({ code: "invalid_api_key" });
    }
  });

  test("all revoked, nobody may ask", async () => {
    await expect(authenticate("Bearer annas-key", env({ API_KEYS: "none" }))).rejects.toMatchObject({ status: 401 });
    await expect(authenticate(null, env({ API_KEYS: "none" }))).rejects.toMatchObject({ status: 401 });
    await expect(authenticate(null, env({ API_KEYS: " " }))).rejects.toMatchObject({ code: "bad_setting" });
  });

  test.each(["KEYS", "ORIGIN_URLS"])(
    "%s, which is part of another setting now, is refused and opens nothing",
    async (name) => {
      await expect(authenticate(null, env({ [name]: KEYS } as never))).rejects.toMatchObject({
        code: "bad_setting",
        message: expect.stringMatching(new RegExp(`^${name} is part of \\w+ now; write its value there`)),
      });
    },
  );

  test("the operator's is one more, and opens no API", async () => {
    const operated = env({ API_KEYS: KEYS, OPERATOR_KEY: "op" });
    expect(await authenticate("Bearer op", operated)).toMatchObject({ isOperator: true, record: null });
    expect(await authenticate("Bearer annas-key", operated)).toMatchObject({ isOperator: false });
    await expect(authenticate("Bearer ", operated)).rejects.toMatchObject({ status: 401 });
    expect(await authenticate("Bearer", env({ OPERATOR_KEY: "" }))).toMatchObject({ isOperator: false });
  });
});

describe("strangers", () => {
  const asked: string[] = [];
  const STRANGERS = {
    limit: async ({ key }: { key: string }) => {
      asked.push(key);
      return { success: asked.length < 3 };
    },
  };
  const from = (address?: string) =>
    new Request("https://edge/", { headers: address === undefined ? {} : { "cf-connecting-ip": address } });

  test("are counted by address where there is a limiter and Cloudflare tells the address", async () => {
    await checkStranger(from("10.0.0.1"), {});
    await checkStranger(from(), { STRANGERS });
    expect(asked).toEqual([]);
    await checkStranger(from("10.0.0.1"), { STRANGERS });
    await checkStranger(from("10.0.0.1"), { STRANGERS });
    await expect(checkStranger(from("10.0.0.1"), { STRANGERS })).rejects.toMatchObject({
      code: "rate_limit_exceeded",
      status: 429,
      headers: { "retry-after": "60" },
    });
  });
});

describe("which Session", () => {
  test("an HMAC under the tenant's secret", async () => {
    const expected = createHmac("sha256", "key:alpha").update("m\nheader:x").digest("hex");
    expect(await sessionName("key:alpha", "x", chat([first]))).toBe(expected);
  });

  test("later turns of a conversation share the name that its opening gives", async () => {
    const name = await sessionName("t", null, chat([first]));
    expect(await sessionName("t", null, chat([first, reply, second]))).toBe(name);
    expect(await sessionName("t", null, chat([{ role: "system", content: "s" }, first]))).not.toBe(name);
    expect(await sessionName("t", null, chat([second]))).not.toBe(name);
  });

  test("header before key before opening, and none can pass for another", async () => {
    const keyed = chat([first], { prompt_cache_key: "x" });
    const names = [
      await sessionName("t", "x", keyed),
      await sessionName("t", null, keyed),
      await sessionName("t", "key:x", keyed),
      await sessionName("t", null, chat([first])),
      await sessionName("u", "x", keyed),
    ];
    expect(new Set(names).size).toBe(names.length);
    expect(await sessionName("t", "x", chat([second]))).toBe(names[0]);
  });

  test("a prompt counts by its first 256 characters", async () => {
    const named = (prompt: string) =>
      sessionName(
        "t",
        null,
        parseCompletion({ model: "m", prompt }, () => 0),
      );
    const base = "x".repeat(256);
    expect(await named(`${base}a`)).toBe(await named(`${base}b`));
    expect(await named(`a${base}`)).not.toBe(await named(`b${base}`));
  });
});
