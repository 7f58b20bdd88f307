/** `/v1/messages` over real sockets: Anthropic's objects, events and errors around the chat's text. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Running, start } from "./harness.ts";

let run: Running;
beforeAll(async () => {
  run = await start();
});
afterAll(() => run.close());

const messages = [{ role: "user", content: "Tell me about the road" }];
const ask = { model: "tiny", temperature: 0, max_tokens: 24, messages };

interface Message {
  readonly content: readonly { readonly text: string }[];
}

async function said(body: object): Promise<string> {
  const answer = await run.post("/v1/chat/completions", { ...ask, ...body });
  return ((await answer.json()) as { choices: { message: { content: string } }[] }).choices[0]!.message.content;
}

test("an answer is the chat's, in one block, and says that its tokens ran out", async () => {
  const system = [{ type: "text", text: "Be short", cache_control: { type: "ephemeral" } }];
  const content = [{ type: "text", text: messages[0]!.content }];
  const asked = { ...ask, system, messages: [{ role: "user", content }], metadata: { user_id: "a" } };
  const message = (await (await run.post("/v1/messages", asked)).json()) as Message;
  expect(message).toMatchObject({
    id: expect.stringMatching(/^msg_[0-9a-f]{32}$/),
    type: "message",
    role: "assistant",
    model: "tiny",
    stop_reason: "max_tokens",
    usage: { output_tokens: 24 },
  });
  const text = await said({ messages: [{ role: "system", content: "Be short" }, ...messages] });
  expect(message.content).toEqual([{ type: "text", text }]);
});

test("stop sequences end it and are no part of it", async () => {
  const whole = await said({});
  const stop = whole.slice(6, 9);
  const answer = await run.post("/v1/messages", { ...ask, stop_sequences: [stop] });
  const { content } = (await answer.json()) as Message;
  expect(content[0]!.text).toBe(whole.slice(0, whole.indexOf(stop)));
});

test("a stream opens and closes what it says", async () => {
  const body = await (await run.post("/v1/messages", { ...ask, stream: true })).text();
  const events = body
    .trimEnd()
    .split("\n\n")
    .map((event) => /^event: (.+)\ndata: (.+)$/.exec(event)!);
  const data = events.map(([, , json]) => JSON.parse(json!));
  expect(events.map(([, name]) => name)).toEqual(data.map(({ type }) => type));
  const types = data.map(({ type }) => type);
  expect(types.filter((type, at) => type !== types[at - 1])).toEqual([
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
  ]);
  const text = data.map(({ delta }) => delta?.text ?? "").join("");
  expect(text).toBe(await said({}));
  expect(data.at(-2)).toMatchObject({ delta: { stop_reason: "max_tokens" }, usage: { output_tokens: 24 } });
});

test("the trace stands at the end, whole or streamed, and what is without effect is named", async () => {
  const asked = { ...ask, outrider: { trace: true }, metadata: { user_id: "a" }, service_tier: "auto" };
  const whole = await run.post("/v1/messages", asked);
  expect(whole.headers.get("x-outrider-ignored")).toBe("metadata, service_tier");
  const streamed = await (await run.post("/v1/messages", { ...asked, stream: true })).text();
  const delta = JSON.parse(/^event: message_delta\ndata: (.+)$/m.exec(streamed)![1]!);
  const text = await said({});
  for (const { outrider } of [await whole.json(), delta]) {
    expect(outrider.tokens).toHaveLength(24);
    expect(outrider.tokens.map((token: { text: string }) => token.text).join("")).toBe(text);
  }
});

test.each<[object, number, string, string]>([
  [{ max_tokens: undefined }, 400, "invalid_request_error", "max_tokens"],
  [{ messages: "hi" }, 400, "invalid_request_error", "messages"],
  [
    { system: "Be short", messages: [{ role: "king", content: "a" }] },
    400,
    "invalid_request_error",
    "messages[0].role",
  ],
  [{ n: 2 }, 400, "invalid_request_error", "n: one message"],
  [{ tools: [{ type: "bash_20250124", name: "a" }] }, 400, "invalid_request_error", "tools[0]"],
  [{ tools: [{ name: "a b", input_schema: {} }] }, 400, "invalid_request_error", "tools[0].name"],
  [
    { messages: [{ role: "user", content: [{ type: "tool_result", content: "x" }] }] },
    400,
    "invalid_request_error",
    "messages[0].tool_use_id",
  ],
  [{ thinking: { type: "enabled", budget_tokens: 1024 } }, 400, "invalid_request_error", "thinking"],
  [{ model: "claude" }, 404, "not_found_error", "claude"],
])("%j is refused in Anthropic's shape", async (fields, status, type, word) => {
  const answer = await run.post("/v1/messages", { ...ask, ...fields });
  expect(answer.status).toBe(status);
  const { error, ...rest } = (await answer.json()) as { error: { type: string; message: string } };
  expect([rest, error.type]).toEqual([{ type: "error" }, type]);
  expect(error.message).toContain(word);
});

test("the key may come as Anthropic's clients send it", async () => {
  const keyed = await start({ edge: { API_KEYS: "one" } });
  try {
    const status = async (headers: Record<string, string>) =>
      (await keyed.post("/v1/messages", ask, { headers })).status;
    expect([await status({}), await status({ "x-api-key": "two" }), await status({ "x-api-key": "one" })]).toEqual([
      401, 401, 200,
    ]);
  } finally {
    await keyed.close();
  }
});

test("the tokens of a prompt are counted as the message counts them, and refused as it is", async () => {
  const { max_tokens: _, temperature: __, ...counting } = ask;
  const body = { ...counting, system: "Be short" };
  const { input_tokens } = (await (await run.post("/v1/messages/count_tokens", body)).json()) as {
    input_tokens: number;
  };
  const message = await run.post("/v1/messages", { ...ask, system: "Be short" });
  const { usage } = (await message.json()) as { usage: Record<string, number> };
  expect(input_tokens).toBe(usage.input_tokens! + usage.cache_read_input_tokens!);
  for (const [wrong, status] of [
    [{ ...counting, model: "other" }, 404],
    [{ ...counting, messages: "none" }, 400],
  ] as const) {
    const refused = await run.post("/v1/messages/count_tokens", wrong);
    expect(refused.status).toBe(status);
    expect(await refused.json()).toMatchObject({ type: "error", error: { message: expect.any(String) } });
  }
});
