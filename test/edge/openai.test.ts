import { describe, expect, test } from "vitest";
import { OutriderError } from "../../src/core/model/errors.ts";
import { parseChat, parseCompletion } from "../../src/edge/api/openai/openai.ts";

const user = { role: "user", content: "Hi" };
const chat = (fields: object) => parseChat({ model: "m", messages: [user], ...fields }, () => 7);
const completion = (fields: object) => parseCompletion({ model: "m", prompt: "Once", ...fields }, () => 7);

function refusal(call: () => unknown): OutriderError {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(OutriderError);
    return error as OutriderError;
  }
  throw new Error("it was accepted");
}

const tool = (name: string, parameters?: object) => ({ type: "function", function: { name, parameters } });
const named = (name: string) => ({ type: "function", function: { name } });
const nested = (levels: number): object => (levels === 1 ? {} : { a: nested(levels - 1) });
const calls = (call: object) => ({ messages: [{ role: "assistant", content: null, tool_calls: [call] }] });

describe("chat requests", () => {
  test("the least request gets OpenAI's defaults and a random seed", () => {
    expect(chat({})).toEqual({
      model: "m",
      input: { kind: "chat", messages: [user] },
      sampling: { temperature: 1, topK: 0, topP: 1, minP: 0, seed: 7 },
      shaping: null,
      constraint: null,
      constraintField: null,
      offer: null,
      logprobs: null,
      rule: { kind: "exact" },
      stopIds: [],
      ignoreEos: false,
      echo: false,
      stop: [],
      indent: 0,
      maxMs: null,
      maxTokens: null,
      n: 1,
      choice: 0,
      stream: false,
      includeUsage: false,
      prediction: null,
      draft: { kind: null, max: null, fallback: null, patience: null },
      trace: false,
      cacheKey: null,
    });
  });

  test("every field arrives where it belongs", () => {
    const full = chat({
      temperature: 0.8,
      top_p: 0.9,
      top_k: 40,
      min_p: 0.05,
      seed: 11,
      stop: ["a", "b"],
      max_completion_tokens: 5,
      max_tokens: 9,
      stream: true,
      stream_options: { include_usage: true },
      prompt_cache_key: "k",
      outrider: {
        draft: "both",
        rule: "bild",
        alpha_fallback: 0.5,
        alpha_rollback: 2,
        patience_ms: 10,
        max_draft: 4,
        trace: true,
      },
    });
    expect(full).toMatchObject({
      sampling: { temperature: 0.8, topK: 40, topP: 0.9, minP: 0.05, seed: 11 },
      rule: { kind: "bild", alphaRollback: 2 },
      stop: ["a", "b"],
      maxTokens: 5,
      stream: true,
      includeUsage: true,
      prediction: null,
      draft: { kind: "both", max: 4, fallback: 0.5, patience: 10 },
      trace: true,
      cacheKey: "k",
    });
  });

  test("nulls, unknown fields and values that ask for nothing are fine", () => {
    const wanted = chat({});
    expect(
      chat({
        stop: null,
        max_tokens: null,
        temperature: null,
        seed: null,
        n: 1,
        tools: [],
        tool_choice: "none",
        logprobs: false,
        logit_bias: {},
        presence_penalty: 0,
        response_format: { type: "text" },
        modalities: ["text"],
        user: "u",
        store: true,
        some_future_field: { deep: [1] },
        outrider: null,
      }),
    ).toEqual(wanted);
  });

  test("text parts are joined, developer is system", () => {
    const parts = [
      { type: "text", text: "Hel" },
      { type: "text", text: "lo" },
    ];
    expect(
      chat({
        messages: [
          { role: "developer", content: "Be kind" },
          { role: "user", content: parts },
        ],
      }).input,
    ).toEqual({
      kind: "chat",
      messages: [
        { role: "system", content: "Be kind" },
        { role: "user", content: "Hello" },
      ],
    });
  });

  test("BiLD brings a threshold for what is kept unless told otherwise, and none for what is drafted", () => {
    expect(chat({ outrider: { rule: "bild" } })).toMatchObject({
      rule: { kind: "bild", alphaRollback: 1.5 },
      draft: { fallback: null },
    });
  });

  test("a seed below 2^32 stays; of a longer one all bits count; -1 and none are random", () => {
    const seedOf = (seed: unknown) => chat({ seed }).sampling.seed;
    for (const seed of [0, 1, 0xffffffff]) expect(seedOf(seed)).toBe(seed);
    for (const seed of [-1, null, undefined]) expect(seedOf(seed)).toBe(7);
    const long = [2 ** 32, 2 ** 32 + 5, 2 ** 33 + 5, -2, -(2 ** 40) - 2, 2 ** 63, 2 ** 64 - 2048].map(seedOf);
    for (const seed of long) expect(seed).toBe(seed >>> 0);
    expect(new Set([...long, seedOf(5)]).size).toBe(long.length + 1);
    for (const seed of [1.5, 2 ** 64, -(2 ** 63) - 2048, "7"]) expect(refusal(() => chat({ seed })).param).toBe("seed");
  });

  test("the names of three dialects for one thing", () => {
    expect(chat({ top_k: -1 }).sampling.topK).toBe(0);
    expect(chat({ n_predict: 9 }).maxTokens).toBe(9);
    expect(chat({ n_predict: 9, max_tokens: 8 }).maxTokens).toBe(8);
    expect(completion({ n_predict: -1 }).maxTokens).toBeNull();
    expect(chat({ n_probs: 3 }).logprobs).toBe(3);
    expect(chat({ n_probs: 0 }).logprobs).toBeNull();
    expect(chat({ logprobs: true }).logprobs).toBe(0);
    expect(chat({ logprobs: true, top_logprobs: 20 }).logprobs).toBe(20);
    expect(completion({ logprobs: 0 }).logprobs).toBe(0);
    expect(completion({ logprobs: 5 }).logprobs).toBe(5);
    expect(chat({ repeat_penalty: 1.1 }).shaping).toEqual({ repetition: { by: 1.1, last: 64 } });
    expect(chat({ repeat_penalty: 1.1, repeat_last_n: -1 }).shaping).toEqual({ repetition: { by: 1.1, last: 0 } });
    expect(chat({ repeat_penalty: 1.1, repeat_last_n: 0 }).shaping).toBeNull();
    expect(chat({ repetition_penalty: 1.1 }).shaping).toEqual({ repetition: { by: 1.1, last: 0 } });
    const map = chat({ logit_bias: { 5: 1, 7: -100, 9: 0 } }).shaping;
    expect(map).toEqual({
      bias: [
        [5, 1],
        [7, -100],
      ],
    });
    expect(
      chat({
        logit_bias: [
          [5, 1],
          [7, false],
        ],
      }).shaping,
    ).toEqual({
      bias: [
        [5, 1],
        [7, null],
      ],
    });
    expect(chat({ presence_penalty: 1 }).shaping).toEqual({ penalties: { presence: 1, frequency: 0 } });
    expect(chat({ min_tokens: 4, ignore_eos: true, stop_token_ids: [3] })).toMatchObject({
      shaping: { minTokens: 4 },
      ignoreEos: true,
      stopIds: [3],
    });
    expect(chat({ allowed_token_ids: [3, 4] }).shaping).toEqual({ allowed: [3, 4] });
    expect(completion({ echo: true }).echo).toBe(true);
  });

  test("an assistant's null is an empty text, nobody else's", () => {
    const { input } = chat({ messages: [user, { role: "assistant", content: null }] });
    expect(input).toMatchObject({ messages: [user, { role: "assistant", content: "" }] });
    expect(refusal(() => chat({ messages: [{ role: "user", content: null }] })).param).toBe("messages[0].content");
  });

  test("a prediction is a text or text parts that are joined; an empty one is none", () => {
    const predicted = (content: unknown) => chat({ prediction: { type: "content", content } }).prediction;
    expect(predicted("one two")).toBe("one two");
    const parts = ["one ", "two"].map((text) => ({ type: "text", text }));
    expect(predicted(parts)).toBe("one two");
    expect(predicted("")).toBeNull();
    expect(completion({ prediction: { type: "content", content: "one" } }).prediction).toBe("one");
    expect(refusal(() => predicted(7)).param).toBe("prediction.content");
    expect(refusal(() => chat({ prediction: { type: "text", content: "one" } })).param).toBe("prediction.type");
  });

  test("top_p 0 keeps a mass above 0, as the sampler wants", () => {
    expect(chat({ top_p: 0 }).sampling.topP).toBeGreaterThan(0);
    expect(chat({ top_p: 0 }).sampling.topP).toBeLessThan(1e-6);
  });

  test.each<[string, object, string | null, RegExp]>([
    ["an empty model", { model: "" }, "model", /model/],
    ["empty messages", { messages: [] }, "messages", /at least one message/],
    ["more messages than a template is given", { messages: Array(2049).fill(user) }, "messages", /at most 2048/],
    ["messages of the wrong type", { messages: "Hi" }, "messages", /array/],
    ["an unknown role", { messages: [{ role: "robot", content: "x" }] }, "messages[0].role", /robot/],
    [
      "an answer to no call",
      { messages: [user, { role: "tool", content: "x" }] },
      "messages[1].tool_call_id",
      /missing/,
    ],
    ["a function message", { messages: [user, { role: "function", content: "x" }] }, "messages[1].role", /send tool/],
    ["no content", { messages: [{ role: "user" }] }, "messages[0].content", /string/],
    [
      "an image",
      { messages: [{ role: "user", content: [{ type: "image_url" }] }] },
      "messages[0].content[0]",
      /image_url/,
    ],
    [
      "a text part without text",
      { messages: [{ role: "user", content: [{ type: "text" }] }] },
      "messages[0].content[0]",
      /text/,
    ],
    ["negative max_tokens", { max_tokens: -2 }, "max_tokens", /must be at least -1, got -2/],
    ["max_tokens 0", { max_tokens: 0 }, "max_tokens", /must be at least 1, or -1/],
    [
      "fractional max_tokens",
      { max_completion_tokens: 1.5 },
      "max_completion_tokens",
      /must be a whole number, got 1.5/,
    ],
    ["temperature as text", { temperature: "hot" }, "temperature", /must be a number, got "hot"/],
    ["temperature over 2", { temperature: 3 }, "temperature", /must be at most 2, got 3/],
    ["top_p over 1", { top_p: 1.1 }, "top_p", /must be at most 1, got 1.1/],
    ["stops of 4,097 characters", { stop: Array(51).fill("-".repeat(80)) }, "stop", /4096 characters together/],
    ["stream as text", { stream: "yes" }, "stream", /must be true or false, got "yes"/],
    ["an unknown draft", { outrider: { draft: "magic" } }, "outrider.draft", /model/],
    [
      "max_draft over the wire's limit",
      { outrider: { max_draft: 32 } },
      "outrider.max_draft",
      /must be at most 31, got 32/,
    ],
    ["n 9", { n: 9 }, "n", /at most 8, got 9/],
    ["n 0", { n: 0 }, "n", /at least 1, got 0/],
    ["a tool without function", { tools: [{ type: "function" }] }, "tools[0].function", /missing/],
    ["a tool of another type", { tools: [{ type: "web_search" }] }, "tools[0]", /only functions/],
    ["a tool's name with a space", { tools: [tool("a b")] }, "tools[0].function.name", /letters, digits/],
    ["two tools of a name", { tools: [tool("a"), tool("a")] }, "tools[1].function.name", /two tools named "a"/],
    ["129 tools", { tools: Array.from({ length: 129 }, (_, at) => tool(`t${at}`)) }, "tools", /at most 128/],
    ["tools of 128 KB", { tools: [tool("a", { x: "x".repeat(131_072) })] }, "tools", /the limit is 131072/],
    ["a schema of 65 levels", { tools: [tool("a", nested(65))] }, "tools[0].function.parameters", /64 levels/],
    ["required without tools", { tool_choice: "required" }, "tool_choice", /send tools/],
    ["an unknown choice", { tools: [tool("a")], tool_choice: "any" }, "tool_choice", /"none", "auto", "required"/],
    [
      "a choice of another tool",
      { tools: [tool("a")], tool_choice: named("b") },
      "tool_choice",
      /no tool is named "b"/,
    ],
    ["functions", { functions: [{ name: "a" }] }, "functions", /older form/],
    ["logprobs as a number", { logprobs: 3 }, "logprobs", /must be true or false, got 3/],
    ["top_logprobs alone", { top_logprobs: 3 }, "top_logprobs", /set logprobs to true/],
    ["21 top_logprobs", { logprobs: true, top_logprobs: 21 }, "top_logprobs", /at most 20, got 21/],
    ["a penalty over 2", { frequency_penalty: 2.5 }, "frequency_penalty", /at most 2, got 2.5/],
    ["a bias of a text", { logit_bias: { hello: 1 } }, "logit_bias", /object of token ids/],
    ["a bias over 100", { logit_bias: { 5: 101 } }, "logit_bias.5", /at most 100, got 101/],
    ["a repetition penalty near 0", { repetition_penalty: 1e-300 }, "repetition_penalty", /at least 0\.01/],
    ["a repeat penalty near 0", { repeat_penalty: 0.001 }, "repeat_penalty", /at least 0\.01/],
    ["two repetition penalties", { repeat_penalty: 1.1, repetition_penalty: 1.2 }, "repeat_penalty", /one of them/],
    ["min_tokens over max_tokens", { min_tokens: 9, max_tokens: 8 }, "min_tokens", /more than max_tokens, 8/],
    ["a misspelt field", { temprature: 1 }, "temprature", /did you mean temperature\?/],
    ["a misspelt option", { outrider: { drft: "off" } }, "outrider", /no field "drft"; did you mean draft\?/],
    ["an unknown option", { outrider: { magic: 1 } }, "outrider", /its fields are draft, rule/],
    ["a call without function", calls({ id: "c" }), "messages[0].tool_calls[0].function", /missing/],
    [
      "a call that broke off",
      calls({ id: "c", function: { name: "a", arguments: '{"b":' } }),
      "messages[0].tool_calls[0].function.arguments",
      /is not JSON/,
    ],
    [
      "a call with a list",
      calls({ id: "c", function: { name: "a", arguments: "[1]" } }),
      "messages[0].tool_calls[0].function.arguments",
      /JSON of an object/,
    ],
    [
      "a call of a user",
      { messages: [{ ...user, tool_calls: [{ id: "c", function: { name: "a", arguments: "{}" } }] }] },
      "messages[0].tool_calls",
      /only an assistant/,
    ],
    ["another sampler", { mirostat: 2 }, "mirostat", /sampler is not supported/],
    ["echo", { echo: true }, "echo", /v1\/completions/],
    ["audio", { modalities: ["text", "audio"] }, "modalities", /only text/],
    ["a suffix", { suffix: "end" }, "suffix", /v1\/completions/],
  ])("refuses %s, naming the field", (_, fields, param, message) => {
    const error = refusal(() => chat(fields));
    expect(error.status).toBe(400);
    expect(error.param).toBe(param);
    expect(error.message).toMatch(message);
  });

  test.each([null, 5, "x", [[]]])("refuses a body that is no object: %j", (body) => {
    expect(refusal(() => parseChat(body, () => 0)).message).toMatch(/JSON object/);
  });
});

describe("completion requests", () => {
  test.each<[unknown, unknown]>([
    ["Once", "Once"],
    [["Once"], "Once"],
    [
      [5, 6],
      [5, 6],
    ],
    [[[5, 6]], [5, 6]],
  ])("prompt %j is %j", (prompt, expected) => {
    expect(completion({ prompt }).input).toEqual({ kind: "text", prompt: expected });
  });

  test("a suffix asks for what is between; an empty one for nothing", () => {
    const hole = { kind: "fill", prompt: "a", suffix: "b", files: [], lineBehind: true };
    expect(completion({ prompt: "a", suffix: "b" }).input).toEqual(hole);
    expect(completion({ prompt: ["a"], suffix: "b" }).input).toEqual(hole);
    expect(completion({ prompt: "", suffix: "b" }).input).toEqual({ ...hole, prompt: "" });
    const plain = completion({ prompt: "a", suffix: "b", outrider: { fill: "plain" } });
    expect(plain.input).toEqual({ ...hole, lineBehind: false });
    for (const suffix of [null, ""]) {
      expect(completion({ prompt: "a", suffix }).input).toEqual({ kind: "text", prompt: "a" });
    }
  });

  test("16 tokens unless asked for more, as at OpenAI", () => {
    expect(completion({}).maxTokens).toBe(16);
    expect(completion({ max_tokens: 300 }).maxTokens).toBe(300);
  });

  test.each<[string, object, string]>([
    ["an empty prompt", { prompt: "" }, "prompt"],
    ["no prompt", { prompt: undefined }, "prompt"],
    ["two prompts", { prompt: ["a", "b"] }, "prompt"],
    ["negative ids", { prompt: [-1] }, "prompt[0]"],
    ["best_of", { best_of: 3 }, "best_of"],
    ["logprobs as a boolean", { logprobs: true }, "logprobs"],
    ["top_logprobs", { top_logprobs: 2 }, "top_logprobs"],
    ["messages", { messages: [user] }, "messages"],
    ["a suffix to token ids", { prompt: [5, 6], suffix: "end" }, "suffix"],
    ["a suffix that is no text", { suffix: [5] }, "suffix"],
  ])("refuses %s", (_, fields, param) => {
    expect(refusal(() => completion(fields)).param).toBe(param);
  });
});

describe("what editors send", () => {
  test("any number of stops, within a limit of characters", () => {
    const stop = Array.from({ length: 200 }, (_, n) => `end ${n}`);
    expect(completion({ prompt: "a", stop }).stop).toEqual(stop);
  });

  test("no model is the one that is served, and max_tokens -1 goes to the end of the context", () => {
    expect(completion({ model: undefined, prompt: "a", max_tokens: -1 })).toMatchObject({ model: "", maxTokens: null });
  });
});
