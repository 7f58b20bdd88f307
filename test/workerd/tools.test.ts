/**
 * Tools through edge and origin in workerd, by a model that writes nonsense: where it must call, whatever it says is a
 * call, the same with drafts on and off, in the shapes of three APIs, read by OpenAI's own SDK.
 */
import type OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openaiOf, type Running, start } from "./harness.ts";

let run: Running;
let openai: OpenAI;
beforeAll(async () => {
  run = await start();
  openai = openaiOf(run);
});
afterAll(() => run.close());

const parameters = {
  type: "object",
  properties: { size: { enum: ["small", "large"] }, n: { type: "integer", minimum: 0, maximum: 99 } },
  required: ["size", "n"],
};
const functionTool = (name: string, more: object = {}) => ({
  type: "function" as const,
  function: { name, description: "Looks something up", parameters, ...more },
});
const tools = [functionTool("look_up"), functionTool("put_down")];
const user = { role: "user" as const, content: "Tell me about the road" };
const base = { model: "tiny", messages: [user], tools, max_tokens: 300, seed: 7 };
/** One call, so that a model without sense comes to its end. */
const one = { ...base, tool_choice: "required" as const, parallel_tool_calls: false };

const isOfSchema = (json: string): boolean => {
  const { size, n, ...rest } = JSON.parse(json);
  return ["small", "large"].includes(size) && n >= 0 && n <= 99 && Object.keys(rest).length === 0;
};

test.each<[string, object, RegExp]>([
  ["required", { tool_choice: "required" }, /look_up|put_down/],
  ["named", { tool_choice: { type: "function", function: { name: "put_down" } } }, /put_down/],
])("%s: a call of the schema, the same with drafts on and off", async (_, choice, name) => {
  for (const temperature of [0, 1]) {
    const answers = new Set<string>();
    for (const draft of ["off", "model", "lookup", "both"] as const) {
      const asked = { ...one, ...choice, temperature, outrider: { draft } };
      const { choices, usage } = await openai.chat.completions.create(asked);
      const [{ message, finish_reason }] = choices as [OpenAI.ChatCompletion.Choice];
      expect(finish_reason).toBe("tool_calls");
      expect(message.content).toBeNull();
      answers.add(
        JSON.stringify([
          message.tool_calls!.map((call) => call.type === "function" && call.function),
          usage?.completion_tokens,
        ]),
      );
      for (const call of message.tool_calls!) {
        if (call.type !== "function") throw new Error("only functions");
        expect(call.function.name).toMatch(name);
        expect(isOfSchema(call.function.arguments)).toBe(true);
      }
      expect(message.tool_calls).toHaveLength(1);
    }
    expect([...answers]).toHaveLength(1);
  }
});

test("a stream says the same in OpenAI's deltas, which its helper puts together", async () => {
  const { choices } = await openai.chat.completions.create(one);
  const calls = choices[0]!.message.tool_calls!.map((call) => call.type === "function" && call.function);
  const deltas: OpenAI.ChatCompletionChunk.Choice[] = [];
  const stream = openai.chat.completions.stream({ ...one, stream_options: { include_usage: true } });
  for await (const { choices: some } of stream) deltas.push(...some);
  const final = await stream.finalChatCompletion();
  expect(final.choices[0]).toMatchObject({ finish_reason: "tool_calls", message: { content: null } });
  expect(final.choices[0]!.message.tool_calls!.map((call) => call.type === "function" && call.function)).toMatchObject(
    calls as object[],
  );
  const parts = deltas.flatMap(({ delta }) => delta.tool_calls ?? []);
  expect(parts[0]).toEqual({
    index: 0,
    id: expect.stringMatching(/^call_[0-9a-f]{36}$/),
    type: "function",
    function: { name: expect.any(String), arguments: "" },
  });
  expect(parts.length).toBeGreaterThan(2);
  for (const part of parts.slice(1)) expect(part).toEqual({ index: 0, function: { arguments: expect.any(String) } });
});

test("several choices have calls of their own", async () => {
  const { choices } = await openai.chat.completions.create({ ...one, temperature: 1, n: 2 });
  const ids = choices.map(({ message }) => message.tool_calls![0]!.id);
  expect(new Set(ids).size).toBe(2);
});

test("the model is told of tools, of calls and of their results; with none, of no tools", async () => {
  const prompt = async (fields: object): Promise<string> => {
    const answer = await run.post("/apply-template", { messages: [user], ...fields });
    return ((await answer.json()) as { prompt: string }).prompt;
  };
  const told = await prompt({ tools });
  expect(told).toContain('"name":"look_up"');
  expect(told).toContain("<tool_call>");
  const called = { id: "call_1", type: "function", function: { name: "look_up", arguments: '{"size": "small"}' } };
  const messages = [
    user,
    { role: "assistant", content: null, tool_calls: [called, { ...called, id: "call_2" }] },
    { role: "tool", tool_call_id: "call_1", content: "gravel" },
    { role: "tool", tool_call_id: "call_2", content: [{ type: "text", text: "tarmac" }] },
  ];
  const history = await prompt({ messages });
  expect(history).toContain('<tool_call>\n{"name": "look_up", "arguments": {"size":"small"}}\n</tool_call>');
  expect(history).toContain(
    "<|im_start|>user\n<tool_response>\ngravel\n</tool_response>\n<tool_response>\ntarmac\n</tool_response><|im_end|>",
  );
  const tokens = async (fields: object) =>
    (await openai.chat.completions.create({ ...base, max_tokens: 1, ...fields })).usage!.prompt_tokens;
  const none = await tokens({ tool_choice: "none" });
  expect(none).toBe(await tokens({ tools: undefined }));
  expect(await tokens({})).toBeGreaterThan(none);
  const answered = await openai.chat.completions.create({ ...base, messages: messages as never, max_tokens: 8 });
  expect(answered.choices[0]!.message.content!.length).toBeGreaterThan(0);
});

test("what cannot be enforced is refused with its place where a call must have it, and fine where not", async () => {
  const unique = { type: "object", properties: { a: { type: "array", uniqueItems: true } } };
  const ask = async (fields: object) => {
    const answer = await run.post("/v1/chat/completions", { ...base, max_tokens: 4, ...fields });
    return {
      status: answer.status,
      ...((await answer.json()) as { error?: { code: string; param: string; message: string } }),
    };
  };
  const odd = [functionTool("look_up", { parameters: unique })];
  expect((await ask({ tools: odd })).status).toBe(200);
  for (const fields of [
    { tool_choice: "required" },
    { tools: [functionTool("a", { parameters: unique, strict: true })] },
  ]) {
    const { status, error } = await ask({ tools: odd, ...fields });
    expect([status, error!.code, error!.param]).toEqual([400, "unsupported_schema", "tools"]);
    expect(error!.message).toContain("uniqueItems");
  }
});

test("a strict tool leaves the model its text, the same with drafts on and off", async () => {
  const strict = [functionTool("look_up", { strict: true })];
  const texts = new Set<string>();
  for (const draft of ["off", "both"] as const) {
    const asked = { ...base, tools: strict, temperature: 1, max_tokens: 40, outrider: { draft } };
    texts.add((await openai.chat.completions.create(asked)).choices[0]!.message.content!);
  }
  expect([...texts]).toHaveLength(1);
});

describe("/v1/responses", () => {
  const flat = tools.map(({ type, function: { name, description, parameters: schema } }) => ({
    ...{ type, name, description, parameters: schema, strict: false },
  }));
  const ask = {
    ...{ model: "tiny", input: user.content, tools: flat, max_output_tokens: 300, seed: 7, temperature: 0 },
    ...{ tool_choice: "required" as const, parallel_tool_calls: false },
  };

  test("a call is an item, which the SDK's helper follows event by event", async () => {
    const whole = await openai.responses.create(ask);
    expect(whole).toMatchObject({ status: "completed", output: [{ type: "function_call", status: "completed" }] });
    const [item] = whole.output as [OpenAI.Responses.ResponseFunctionToolCall];
    expect(isOfSchema(item.arguments)).toBe(true);
    expect(item.id).toMatch(/^fc_[0-9a-f]{58}$/);
    const types: string[] = [];
    const stream = openai.responses.stream(ask);
    for await (const { type } of stream) if (type !== types.at(-1)) types.push(type);
    const final = await stream.finalResponse();
    const [streamed] = final.output as unknown as [OpenAI.Responses.ResponseFunctionToolCall];
    expect([streamed.name, streamed.arguments]).toEqual([item.name, item.arguments]);
    expect(types).toEqual([
      ...["response.created", "response.in_progress", "response.output_item.added"],
      ...["response.function_call_arguments.delta", "response.function_call_arguments.done"],
      ...["response.output_item.done", "response.completed"],
    ]);
  });

  test("a conversation goes on behind a call: by its id, by its item, and with all of it sent", async () => {
    const first = await openai.responses.create(ask);
    const [item] = first.output as [OpenAI.Responses.ResponseFunctionToolCall];
    const output = { type: "function_call_output" as const, call_id: item.call_id, output: "It is long." };
    const next = { ...ask, tool_choice: "auto" as const, max_output_tokens: 8 };
    const asked = { role: "user" as const, content: user.content };
    const answers = [
      await openai.responses.create({ ...next, previous_response_id: first.id, input: [output] }),
      await openai.responses.create({ ...next, input: [asked, { type: "item_reference", id: item.id! }, output] }),
      await openai.responses.create({ ...next, input: [asked, item, output] }),
    ];
    const told = answers.map(({ output_text, usage }) => [output_text, usage!.input_tokens]);
    expect(told).toEqual([told[0], told[0], told[0]]);
    expect(told[0]![1]).toBeGreaterThan(first.usage!.input_tokens + 10);
  });
});

describe("/v1/messages", () => {
  const ask = {
    ...{ model: "tiny", messages: [user], max_tokens: 300, seed: 7, temperature: 0 },
    tools: tools.map(({ function: { name, description, parameters: input_schema } }) => ({
      ...{ name, description, input_schema },
    })),
    tool_choice: { type: "any", disable_parallel_tool_use: true },
  };
  interface Block {
    readonly type: string;
    readonly id: string;
    readonly name: string;
    readonly input: object;
  }

  test("a call is a block of its own, whole and streamed", async () => {
    const message = (await (await run.post("/v1/messages", ask)).json()) as { content: Block[] };
    expect(message).toMatchObject({ stop_reason: "tool_use", content: [{ type: "tool_use" }] });
    const [block] = message.content as [Block];
    expect(block.id).toMatch(/^toolu_/);
    expect(isOfSchema(JSON.stringify(block.input))).toBe(true);
    const body = await (await run.post("/v1/messages", { ...ask, stream: true })).text();
    const events = [...body.matchAll(/^data: (.+)$/gm)].map(([, json]) => JSON.parse(json!));
    const types = events.map(({ type }) => type);
    expect(types.filter((type, at) => type !== types[at - 1])).toEqual([
      ...["message_start", "content_block_start", "content_block_delta", "content_block_stop"],
      ...["message_delta", "message_stop"],
    ]);
    expect(events[1].content_block).toMatchObject({ type: "tool_use", name: block.name, input: {} });
    const json = events.map(({ delta }) => delta?.partial_json ?? "").join("");
    expect(JSON.parse(json)).toEqual(block.input);
  });

  test("results go back, with what is said beside them", async () => {
    const used = { type: "tool_use", id: "toolu_1", name: "look_up", input: { size: "small", n: 1 } };
    const result = { type: "tool_result", tool_use_id: "toolu_1", content: [{ type: "text", text: "gravel" }] };
    const messages = [
      user,
      { role: "assistant", content: [{ type: "text", text: "I look." }, used] },
      { role: "user", content: [result, { type: "text", text: "And then?" }] },
    ];
    const asked = { ...ask, tool_choice: { type: "auto" }, messages, max_tokens: 8 };
    const message = (await (await run.post("/v1/messages", asked)).json()) as { usage: { input_tokens: number } };
    const called = {
      id: "toolu_1",
      type: "function" as const,
      function: { name: "look_up", arguments: '{"size":"small","n":1}' },
    };
    const chat = await openai.chat.completions.create({
      ...base,
      ...{ max_tokens: 1, temperature: 0 },
      messages: [
        user,
        { role: "assistant", content: "I look.", tool_calls: [called] },
        { role: "tool", tool_call_id: "toolu_1", content: "gravel" },
        { role: "user", content: "And then?" },
      ],
    });
    const { input_tokens, cache_read_input_tokens: cached = 0 } = message.usage as Record<string, number>;
    expect(input_tokens! + cached).toBe(chat.usage!.prompt_tokens);
  });
});
