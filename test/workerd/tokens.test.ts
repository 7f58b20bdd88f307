/** `/tokenize`, `/detokenize` and `/apply-template` over real sockets. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Running, start } from "./harness.ts";

let run: Running;
beforeAll(async () => {
  run = await start({ withOrigin: false });
});
afterAll(() => run.close());

async function ask(route: string, body: unknown): Promise<Readonly<Record<string, unknown>>> {
  const response = await run.post(route, body);
  expect(response.status).toBe(200);
  return (await response.json()) as Readonly<Record<string, unknown>>;
}

test("a text goes there and back, without an origin and without anything being stored", async () => {
  const text = "<|im_start|>user\nTell me about the road";
  const { tokens, count } = await ask("/tokenize", { content: text });
  expect(count).toBe((tokens as readonly number[]).length);
  expect(await ask("/detokenize", { tokens })).toEqual({ content: text, prompt: text });
  const messages = [{ role: "user", content: "Hi" }];
  const { prompt } = await ask("/apply-template", { messages });
  expect((await ask("/tokenize", { content: prompt })).tokens).toEqual((await ask("/tokenize", { messages })).tokens);
});

test.each<[string, unknown, number, string]>([
  ["/tokenize", {}, 400, "invalid_request"],
  ["/tokenize", "{", 400, "invalid_json"],
  ["/tokenize", { content: "a", model: "gpt-4o" }, 404, "model_not_found"],
  ["/detokenize", { tokens: [512] }, 400, "bad_token"],
  ["/apply-template", { messages: [] }, 400, "invalid_request"],
])("%s refuses %j", async (route, body, status, code) => {
  const response = await run.post(route, body, { headers: { connection: "close" } });
  expect([response.status, ((await response.json()) as { error: { code: string } }).error.code]).toEqual([
    status,
    code,
  ]);
});

test("keys are asked for as everywhere", async () => {
  const keyed = await start({ withOrigin: false, edge: { API_KEYS: "one" } });
  try {
    expect((await keyed.post("/tokenize", { content: "a" })).status).toBe(401);
    const known = { headers: { authorization: "Bearer one" } };
    expect((await keyed.post("/tokenize", { content: "a" }, known)).status).toBe(200);
  } finally {
    await keyed.close();
  }
});
