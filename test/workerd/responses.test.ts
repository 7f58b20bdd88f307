/** `/v1/responses` through OpenAI's own SDK, whose stream helper stops at the first event that is out of order. */
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openaiOf, type Running, start } from "./harness.ts";

let run: Running;
let openai: OpenAI;
beforeAll(async () => {
  run = await start();
  openai = openaiOf(run);
});
afterAll(() => run.close());

const ask = { model: "tiny", temperature: 0, max_output_tokens: 24 };
const question = "Tell me about the road";
const system = { role: "system" as const, content: "Be short" };
const user = (content: string) => ({ role: "user" as const, content });
const assistant = (content: string) => ({ role: "assistant" as const, content });

/** What a chat answers. */
async function said(...messages: OpenAI.ChatCompletionMessageParam[]): Promise<string> {
  const asked = { model: "tiny", temperature: 0, max_completion_tokens: 24, messages };
  return (await openai.chat.completions.create(asked)).choices[0]!.message.content!;
}

async function refusal(work: Promise<unknown>) {
  const error = await work.then(
    () => null,
    (caught) => caught,
  );
  expect(error).toBeInstanceOf(OpenAI.APIError);
  return error as InstanceType<typeof OpenAI.APIError>;
}

describe("an answer", () => {
  test("is the chat's, with usage, and says that its tokens ran out", async () => {
    const response = await openai.responses.create({ ...ask, input: question, instructions: system.content });
    expect(response.output_text).toBe(await said(system, user(question)));
    expect(response).toMatchObject({
      object: "response",
      status: "incomplete",
      incomplete_details: { reason: "max_output_tokens" },
      instructions: system.content,
      temperature: 0,
      store: true,
      usage: { output_tokens: 24, output_tokens_details: { reasoning_tokens: 0 } },
    });
    const { input_tokens, total_tokens } = response.usage!;
    expect(total_tokens).toBe(input_tokens + 24);
  });

  test("items are a conversation", async () => {
    const input = [
      { role: "developer", content: [{ type: "input_text", text: "Be short" }] },
      { type: "message", role: "user", content: question },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "It is long.", annotations: [] }] },
      user("And then?"),
    ] as OpenAI.Responses.ResponseInput;
    const { output_text } = await openai.responses.create({ ...ask, input });
    expect(output_text).toBe(await said(system, user(question), assistant("It is long."), user("And then?")));
  });
});

describe("a stream", () => {
  test("is accepted event by event by the SDK's helper, and ends in the whole response", async () => {
    const stream = openai.responses.stream({ ...ask, input: question });
    const types: string[] = [];
    const numbers: number[] = [];
    let text = "";
    for await (const event of stream) {
      types.push(event.type);
      numbers.push(event.sequence_number);
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    const final = await stream.finalResponse();
    expect(final.output_text).toBe(text);
    expect(text).toBe(await said(user(question)));
    expect(numbers).toEqual(numbers.map((_, at) => at));
    expect(types.filter((type, at) => type !== types[at - 1])).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.incomplete",
    ]);
  });

  test("has named events, as those of other SDKs look for them", async () => {
    const response = await run.post("/v1/responses", { ...ask, input: question, stream: true });
    const body = await response.text();
    const events = body.trimEnd().split("\n\n");
    for (const event of events) {
      const [, name, data] = /^event: (.+)\ndata: (.+)$/.exec(event)!;
      expect(JSON.parse(data!).type).toBe(name);
    }
  });
});

describe("previous_response_id", () => {
  test("goes on with the conversation, without its instructions, and may branch", async () => {
    const first = await openai.responses.create({ ...ask, input: question, instructions: "Be short" });
    const next = { ...ask, previous_response_id: first.id };
    const history = [user(question), assistant(first.output_text)];
    const second = await openai.responses.create({ ...next, input: "And then?" });
    expect(second.output_text).toBe(await said(...history, user("And then?")));
    expect(second.previous_response_id).toBe(first.id);
    const branch = await openai.responses.create({ ...next, input: "Why?", instructions: "Be long" });
    expect(branch.output_text).toBe(await said({ role: "system", content: "Be long" }, ...history, user("Why?")));
    const third = await openai.responses.create({ ...ask, previous_response_id: second.id, input: "Now?" });
    expect(third.output_text).toBe(
      await said(...history, user("And then?"), assistant(second.output_text), user("Now?")),
    );
    expect(third.usage!.input_tokens).toBeGreaterThan(second.usage!.input_tokens);
  });

  test("works behind a stream and outlives the Session's memory", async () => {
    const stream = openai.responses.stream({ ...ask, input: "One two three" });
    const first = await stream.finalResponse();
    // Where it lies is nobody's business but the service's: every Session is evicted.
    for (const id of await run.sessionIds()) await run.evictById(id);
    const { output_text } = await openai.responses.create({ ...ask, previous_response_id: first.id, input: "four" });
    expect(output_text).toBe(await said(user("One two three"), assistant(first.output_text), user("four")));
  });

  test("items are found by reference, as the AI SDK sends them", async () => {
    const first = await openai.responses.create({ ...ask, input: question });
    const input = [user(question), { type: "item_reference" as const, id: first.output[0]!.id! }, user("And then?")];
    const { output_text } = await openai.responses.create({ ...ask, input });
    expect(output_text).toBe(await said(user(question), assistant(first.output_text), user("And then?")));
  });

  test("what was not stored, has been deleted, or never was is not found", async () => {
    const unstored = await openai.responses.create({ ...ask, input: question, store: false });
    const deleted = await openai.responses.create({ ...ask, input: question });
    expect((await openai.responses.retrieve(deleted.id)).output_text).toBe(deleted.output_text);
    await openai.responses.delete(deleted.id);
    for (const id of [unstored.id, deleted.id, "resp_1", `resp_${"0".repeat(56)}`]) {
      const work = openai.responses.create({ ...ask, input: "And then?", previous_response_id: id });
      expect(await refusal(work)).toMatchObject({
        status: 400,
        code: "previous_response_not_found",
        param: "previous_response_id",
      });
      expect((await refusal(openai.responses.retrieve(id))).status).toBe(404);
    }
  });

  test("equal openings at the same time are answered side by side, and each can be gone on from", async () => {
    const asked = { ...ask, input: "All at once" };
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map(() => openai.responses.create(asked)));
    expect(new Set(answers.map(({ id }) => id)).size).toBe(6);
    const text = await said(user("All at once"), assistant(answers[0]!.output_text), user("Then?"));
    for (const { id } of answers) {
      const next = await openai.responses.create({ ...ask, input: "Then?", previous_response_id: id });
      expect(next.output_text).toBe(text);
    }
  });
});

test("another key's response does not exist", async () => {
  const keyed = await start({ edge: { API_KEYS: "one,two" } });
  try {
    const client = (apiKey: string) => openaiOf(keyed, apiKey);
    const { id } = await client("one").responses.create({ ...ask, input: question });
    expect((await client("one").responses.retrieve(id)).id).toBe(id);
    expect((await refusal(client("two").responses.retrieve(id))).status).toBe(404);
    const stolen = client("two").responses.create({ ...ask, input: "What did I say?", previous_response_id: id });
    expect((await refusal(stolen)).code).toBe("previous_response_not_found");
  } finally {
    await keyed.close();
  }
});

test("log probabilities and trace are the chat's, whole or streamed; what is without effect is named", async () => {
  const shared = { model: "tiny", temperature: 0, outrider: { trace: true }, top_logprobs: 2 };
  const messages = [user(question)];
  const chat = await run.post("/v1/chat/completions", { ...shared, messages, max_tokens: 24, logprobs: true });
  const { choices, outrider } = (await chat.json()) as {
    choices: { logprobs: { content: { token: string }[] } }[];
    outrider: { tokens: { text: string }[] };
  };
  const { content } = choices[0]!.logprobs;
  expect(content).toHaveLength(24);
  const texts = outrider.tokens.map(({ text }) => text);
  const asked = { ...shared, ...ask, input: question, service_tier: "flex", metadata: { a: "b" } };
  const include = ["message.output_text.logprobs"];
  const whole = await run.post("/v1/responses", { ...asked, include });
  expect(whole.headers.get("x-outrider-ignored")).toBe("service_tier");
  const streamed = await (await run.post("/v1/responses", { ...asked, include, stream: true })).text();
  const events = streamed
    .trimEnd()
    .split("\n\n")
    .map((event) => JSON.parse(event.slice(event.indexOf("\ndata: ") + "\ndata: ".length)));
  for (const response of [await whole.json(), events.at(-1).response]) {
    expect(response.output[0].content[0].logprobs).toEqual(content);
    expect(response.outrider.tokens.map(({ text }: { text: string }) => text)).toEqual(texts);
  }
  const { id } = events.at(-1).response;
  const stored = (await openai.responses.retrieve(id)) as OpenAI.Responses.Response & { outrider: object };
  expect(stored.output[0]).toMatchObject({ content: [{ logprobs: [] }] });
  expect(stored.outrider).not.toHaveProperty("tokens");
  const deltas = events.filter(({ type }) => type === "response.output_text.delta");
  expect(deltas.flatMap(({ logprobs }) => logprobs)).toEqual(content);
});

describe("refusals name this route's own fields", () => {
  test.each<[object, string]>([
    [{ input: 7 }, "input"],
    [{ input: [] }, "input"],
    [{ input: [{ role: "king", content: "a" }] }, "input[0].role"],
    [{ input: [user("a"), { type: "computer_call" }] }, "input[1]"],
    [{ input: [{ role: "user", content: [{ type: "input_image", image_url: "x" }] }] }, "input[0].content[0]"],
    [{ input: "a", max_output_tokens: 0 }, "max_output_tokens"],
    [{ input: "a", background: true }, "background"],
    [{ input: "a", truncation: "auto" }, "truncation"],
    [{ input: "a", conversation: "conv_1" }, "conversation"],
    [{ input: "a", tools: [{ type: "web_search" }] }, "tools[0]"],
    [{ input: "a", include: ["file_search_call.results"] }, "include"],
    [{ input: "a", temperature: "hot" }, "temperature"],
    [{ input: "a", n: 2 }, "n"],
    [{ input: "a", echo: true }, "echo"],
    [{ input: "a", tool_choice: "required" }, "tool_choice"],
    [{ messages: [user("a")] }, "messages"],
  ])("%j", async (body, param) => {
    const response = await run.post("/v1/responses", { model: "tiny", ...body });
    const { error } = (await response.json()) as { error: { param: string; message: string } };
    expect([response.status, error.param]).toEqual([400, param]);
    expect(error.message.startsWith(param) || error.message.includes(param)).toBe(true);
  });
});
