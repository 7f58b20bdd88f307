/** The OpenAI-compatible surface over real sockets: what clients send, what they get, what they are refused. */
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type Answer, answerOf, openaiOf, type Running, start } from "./harness.ts";

let run: Running;
let openai: OpenAI;
beforeAll(async () => {
  run = await start();
  openai = openaiOf(run);
});
afterAll(() => run.close());

const CHAT = "/v1/chat/completions";
const messages = [{ role: "user" as const, content: "Tell me about the road" }];
const ask = { model: "tiny", messages, temperature: 0, max_tokens: 40 };

describe("refusals, in OpenAI's shape and with the right status", () => {
  const long = "road ".repeat(4000);
  test.each<[string, string, unknown, number, string, string | null]>([
    ["unknown model", CHAT, { ...ask, model: "gpt-4o" }, 404, "model_not_found", "model"],
    ["empty messages", CHAT, { ...ask, messages: [] }, 400, "invalid_request", "messages"],
    ["wrong types", CHAT, { ...ask, temperature: "hot" }, 400, "invalid_request", "temperature"],
    ["messages as text", CHAT, { ...ask, messages: "hi" }, 400, "invalid_request", "messages"],
    ["negative max_tokens", CHAT, { ...ask, max_tokens: -5 }, 400, "invalid_request", "max_tokens"],
    ["n of 9", CHAT, { ...ask, n: 9 }, 400, "invalid_request", "n"],
    ["a built-in tool", CHAT, { ...ask, tools: [{ type: "web_search" }] }, 400, "unsupported_value", "tools[0]"],
    [
      "a bias of a token outside the vocabulary",
      CHAT,
      { ...ask, logit_bias: { 512: 1 } },
      400,
      "bad_token",
      "logit_bias",
    ],
    [
      "a chat over the context",
      CHAT,
      { ...ask, messages: [{ role: "user", content: long }] },
      400,
      "context_length_exceeded",
      "messages",
    ],
    [
      "a prompt over the context",
      "/v1/completions",
      { model: "tiny", prompt: long },
      400,
      "context_length_exceeded",
      "prompt",
    ],
    [
      "a token outside the vocabulary",
      "/v1/completions",
      { model: "tiny", prompt: [5, 512] },
      400,
      "bad_token",
      "prompt",
    ],
    ["no JSON", CHAT, '{"model": "tiny",', 400, "invalid_json", null],
    ["a body of 2 MB", CHAT, { ...ask, padding: "x".repeat(2 * 1024 * 1024) }, 413, "request_too_large", null],
    ["an unknown route", "/v1/embeddings", {}, 404, "not_found", null],
  ])("%s", async (_, route, body, status, code, param) => {
    // workerd closes a socket whose body it does not read to the end: nobody may use it again.
    const response = await run.post(route, body, { headers: { connection: "close" } });
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("x-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
    const { error } = (await response.json()) as { error: Record<string, unknown> };
    expect(error).toEqual({ message: expect.any(String), type: "invalid_request_error", param, code });
  });

  test("a prompt over the context names the limit", async () => {
    const response = await run.post(CHAT, { ...ask, messages: [{ role: "user", content: long }] });
    expect(((await response.json()) as { error: { message: string } }).error.message).toMatch(/context is 2048/);
  });

  test("a body of unknown length is refused at the limit, too, and its client always reads why", async () => {
    const megabyte = new Uint8Array(1024 * 1024).fill(32);
    for (let times = 0; times < 20; times++) {
      const body = new ReadableStream({
        start(controller) {
          for (let i = 0; i < 3; i++) controller.enqueue(megabyte);
          controller.close();
        },
      });
      const response = await fetch(run.url + CHAT, { method: "POST", body, duplex: "half" } as RequestInit);
      expect(response.status).toBe(413);
      expect(((await response.json()) as { error: { code: string } }).error.code).toBe("request_too_large");
    }
  });

  test("another method than a route's is told which it takes", async () => {
    for (const [method, path, allow] of [
      ["GET", CHAT, "POST"],
      ["DELETE", "/v1/models/tiny", "GET"],
      ["POST", "/health", "GET"],
    ] as const) {
      const response = await fetch(run.url + path, { method });
      expect(response.status, path).toBe(405);
      expect(response.headers.get("allow")).toBe(allow);
      expect(await response.json()).toMatchObject({ error: { code: "method_not_allowed" } });
    }
  });

  test("the draft's weights are not found", async () => {
    for (const path of ["/draft/pack.json", "/draft/model-00001-of-00001.safetensors", "/nothing"]) {
      expect((await fetch(run.url + path)).status).toBe(404);
    }
  });
});

describe("fields that shape the answer", () => {
  const answers = async (fields: object) => answerOf(await run.post(CHAT, { ...ask, ...fields }));
  const ids = (body: Pick<Answer, "outrider">) => (body.outrider.tokens ?? []).map(({ id }) => id);
  const traced = { trace: true, patience_ms: 1000 };

  test.each<[string, object]>([
    ["penalties", { presence_penalty: 0.7, frequency_penalty: 0.4 }],
    ["a repetition penalty", { repetition_penalty: 1.4 }],
    ["biases", { logit_bias: { 5: 3, 9: -100 } }],
    ["allowed tokens", { allowed_token_ids: Array.from({ length: 60 }, (_, i) => 100 + i) }],
  ])("%s: the same text with drafts on and off, and another than without", async (_, fields) => {
    const [on, off, plain] = await Promise.all([
      answers({ ...fields, temperature: 0.9, seed: 5, outrider: { ...traced, draft: "both" } }),
      answers({ ...fields, temperature: 0.9, seed: 5, outrider: { trace: true, draft: "off" } }),
      answers({ temperature: 0.9, seed: 5, outrider: { trace: true, draft: "off" } }),
    ]);
    expect(ids(on)).toEqual(ids(off));
    expect(ids(on)).not.toEqual(ids(plain));
    expect(on.timings.draft_n_accepted).toBeGreaterThan(0);
  });

  test("allowed tokens are all that come", async () => {
    const allowed = [100, 101, 102, 103];
    const body = await answers({ allowed_token_ids: allowed, outrider: traced });
    for (const id of ids(body)) expect(allowed).toContain(id);
  });

  test("a stop token ends the answer, min_tokens puts that off, and neither shows its text", async () => {
    const plain = ids(await answers({ outrider: traced }));
    const stop = plain[6]!;
    const first = plain.indexOf(stop);
    const ended = await answers({ stop_token_ids: [stop], outrider: traced });
    expect(ids(ended)).toEqual(plain.slice(0, first));
    expect(ended.choices[0].finish_reason).toBe("stop");
    const later = await answers({ stop_token_ids: [stop], min_tokens: first + 4, outrider: traced });
    expect(later.usage.completion_tokens).toBeGreaterThanOrEqual(first + 4);
    expect(ids(later)).not.toContain(stop);
  });

  test("log probabilities: of chat, of a stream and of a completion", async () => {
    const told = await answers({ logprobs: true, top_logprobs: 3, outrider: traced });
    const { content } = told.choices[0].logprobs!;
    expect(content).toHaveLength(ids(told).length);
    for (const { logprob, top_logprobs: top } of content) {
      expect(top).toHaveLength(3);
      // Greedily the likeliest is chosen.
      expect(logprob).toBe(top[0]!.logprob);
      expect(logprob).toBeLessThanOrEqual(0);
    }
    const stream = await openai.chat.completions.create({ ...ask, stream: true, logprobs: true, top_logprobs: 3 });
    const streamed = [];
    for await (const chunk of stream) streamed.push(...(chunk.choices[0]?.logprobs?.content ?? []));
    expect(streamed).toEqual(content);
    const text = { model: "tiny", prompt: "The road", max_tokens: 12, temperature: 0 };
    const body = await answerOf(await run.post("/v1/completions", { ...text, logprobs: 2 }));
    const lists = body.choices[0].logprobs as unknown as Record<string, unknown[]>;
    expect(Object.entries(lists).map(([name, list]) => [name, list.length])).toEqual(
      ["tokens", "token_logprobs", "top_logprobs", "text_offset"].map((name) => [name, 12]),
    );
    expect(lists.text_offset?.[0]).toBe(0);
    expect((await answers({})).choices[0].logprobs).toBeNull();
  });

  test("echo begins with the prompt, streamed or not", async () => {
    const text = { model: "tiny", prompt: "The road", max_tokens: 8, temperature: 0 };
    const plain = await openai.completions.create(text);
    const whole = await openai.completions.create({ ...text, echo: true });
    expect(whole.choices[0]!.text).toBe(text.prompt + plain.choices[0]!.text);
    let streamed = "";
    for await (const chunk of await openai.completions.create({ ...text, echo: true, stream: true })) {
      streamed += chunk.choices[0]?.text ?? "";
    }
    expect(streamed).toBe(whole.choices[0]!.text);
  });

  test("several choices: each what its seed gives alone, over one prompt, streamed or not", async () => {
    const several = { ...ask, temperature: 1, seed: 3, max_tokens: 12, n: 3 };
    const named = { headers: { "x-session-affinity": "choices" } };
    const response = await run.post(CHAT, several, named);
    const body = (await response.json()) as {
      choices: { index: number; message: { content: string } }[];
      usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
      outrider: { seeds: number[] };
    };
    expect(body.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    const texts = body.choices.map(({ message }) => message.content);
    expect(new Set(texts).size).toBe(3);
    expect(body.usage.completion_tokens).toBeGreaterThan(12);
    expect(body.usage.total_tokens).toBe(body.usage.prompt_tokens + body.usage.completion_tokens);
    expect(body.outrider.seeds[0]).toBe(3);
    for (const [i, seed] of body.outrider.seeds.entries()) {
      const alone = await answers({ temperature: 1, seed, max_tokens: 12 });
      expect(alone.choices[0].message.content).toBe(texts[i]);
    }
    const stream = await openai.chat.completions.create({
      ...several,
      stream: true,
      stream_options: { include_usage: true },
    });
    const grown = ["", "", ""];
    const ends: string[] = [];
    let usage: unknown;
    for await (const { choices, usage: told } of stream) {
      for (const { index, delta, finish_reason } of choices) {
        grown[index] += delta.content ?? "";
        if (finish_reason) ends.push(finish_reason);
      }
      usage = told ?? usage;
    }
    expect(grown).toEqual(texts);
    expect(ends).toHaveLength(3);
    const { prompt_tokens, completion_tokens, total_tokens } = body.usage;
    expect(usage).toMatchObject({ prompt_tokens, completion_tokens, total_tokens });
  });

  test("what is without effect is named in a header", async () => {
    const response = await run.post(CHAT, { ...ask, user: "ann", store: true, some_future_field: 1 });
    expect(response.headers.get("x-outrider-ignored")).toBe("user, store, some_future_field");
    await response.text();
    const plain = await run.post(CHAT, ask);
    expect(plain.headers.get("x-outrider-ignored")).toBeNull();
    await plain.text();
  });
});

describe("answers", () => {
  test("chat: object, usage and timings agree", async () => {
    const response = await run.post(CHAT, { ...ask, outrider: { draft: "both", patience_ms: 1000 } });
    expect(response.status).toBe(200);
    expect(response.headers.get("x-should-retry")).toBe("false");
    const body = await answerOf(response);
    expect(body).toMatchObject({
      object: "chat.completion",
      model: "tiny",
      choices: [{ index: 0, message: { role: "assistant", content: expect.any(String) }, finish_reason: "length" }],
      outrider: { seed: expect.any(Number), patience_ms: 1000 },
    });
    expect(body.id).toMatch(/^chatcmpl-[0-9a-f]{32}$/);
    const { usage, timings } = body;
    expect(usage.completion_tokens).toBe(40);
    expect(usage.total_tokens).toBe(usage.prompt_tokens + 40);
    expect(usage.prompt_tokens_details.cached_tokens).toBe(timings.cache_n);
    expect(timings.prompt_n + timings.cache_n).toBe(usage.prompt_tokens);
    expect(timings.predicted_n).toBe(40);
    expect(timings.draft_n).toBeGreaterThan(0);
    expect(timings.draft_n_accepted).toBeLessThanOrEqual(timings.draft_n_judged);
    expect(timings.draft_n_judged).toBeLessThanOrEqual(timings.draft_n);
    // The prompt's pass judges none, any other one wrong place at most.
    expect(timings.draft_n_judged).toBeLessThan(timings.draft_n_accepted + timings.target_passes);
    // Every pass decides the kept draft tokens and one of the target's own.
    expect(timings.target_passes + timings.draft_n_accepted).toBe(40);
  });

  test("the seed that is given back repeats the words", async () => {
    const warm = { ...ask, temperature: 1, outrider: { draft: "off" } };
    const first = await answerOf(run.post(CHAT, warm));
    const again = await answerOf(run.post(CHAT, { ...warm, seed: first.outrider.seed }));
    const other = await answerOf(run.post(CHAT, { ...warm, seed: first.outrider.seed + 1 }));
    expect(again.text).toBe(first.text);
    expect(other.text).not.toBe(first.text);
  });

  test.each([0, 0.8])(
    "the draft changes nothing at temperature %d: off, model, lookup, both, traced, streamed",
    async (temperature) => {
      const asked = { ...ask, temperature, seed: 7, max_tokens: 120 };
      const texts = new Set<string>();
      for (const draft of ["off", "model", "lookup", "both"] as const) {
        for (const patience_ms of [0, 2000]) {
          const body = { ...asked, outrider: { draft, patience_ms } };
          const answer = await answerOf(run.post(CHAT, body));
          texts.add(answer.text);
          const stream = await openai.chat.completions.create({
            ...body,
            stream: true,
          } as OpenAI.ChatCompletionCreateParamsStreaming);
          let text = "";
          for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
          texts.add(text);
        }
      }
      expect(texts.size).toBe(1);
    },
  );

  test("completions: text and token ids say the same, 16 tokens unless more are asked for", async () => {
    const text = await answerOf(run.post("/v1/completions", { model: "tiny", prompt: "the road", temperature: 0 }));
    expect(text).toMatchObject({
      object: "text_completion",
      choices: [{ finish_reason: "length", text: expect.any(String) }],
    });
    expect(text.id).toMatch(/^cmpl-/);
    expect(text.usage.completion_tokens).toBe(16);
    const sdk = await openai.completions.create({ model: "tiny", prompt: "the road", temperature: 0 });
    expect(sdk.choices[0]?.text).toBe(text.text);
  });

  test("a stop string ends the answer before itself, and the target with it", async () => {
    const whole = await answerOf(run.post(CHAT, ask));
    const said = whole.text;
    const stop = said.slice(20, 24);
    const cut = await answerOf(run.post(CHAT, { ...ask, max_tokens: 1500, stop }));
    expect(cut.choices[0]).toMatchObject({
      finish_reason: "stop",
      message: { content: said.slice(0, said.indexOf(stop)) },
    });
    expect(cut.usage.completion_tokens).toBeLessThan(40);
    await eventually(async () => expect((await run.originHealth()).live).toBe(0));
  });

  test("a trace tells every token and joins to the text; kept ones are as many as timings say", async () => {
    const traced = { ...ask, outrider: { trace: true, patience_ms: 1000 } };
    const body = await answerOf(run.post(CHAT, traced));
    const { tokens } = body.outrider;
    expect(tokens.map((token) => token.text).join("")).toBe(body.text);
    expect(tokens.filter((token) => token.kept)).toHaveLength(body.timings.draft_n_accepted);
    const stream = await openai.chat.completions.create({
      ...traced,
      stream: true,
    } as OpenAI.ChatCompletionCreateParamsStreaming);
    const streamed: { id: number; text: string }[] = [];
    for await (const chunk of stream) {
      const { outrider } = chunk as unknown as { outrider?: { tokens?: { id: number; text: string }[] } };
      if (outrider?.tokens) {
        streamed.push(...outrider.tokens);
        expect(outrider.tokens.map((token) => token.text).join("")).toBe(chunk.choices[0]?.delta.content);
      }
    }
    expect(streamed.map(({ id, text }) => [id, text])).toEqual(tokens.map(({ id, text }) => [id, text]));
  });
});

describe("the openai SDK", () => {
  test("streams with usage in a last chunk of its own", async () => {
    const stream = await openai.chat.completions.create({
      ...ask,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1);
    expect(chunks[0]?.choices[0]?.delta.role).toBe("assistant");
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("length");
    expect(chunks.at(-1)?.choices).toEqual([]);
    expect(chunks.at(-1)?.usage).toMatchObject({ completion_tokens: 40 });
    expect((chunks.at(-1) as unknown as { timings: object }).timings).toMatchObject({ predicted_n: 40 });
  });

  test("its stream helper puts the answer together", async () => {
    const whole = await openai.chat.completions.create(ask);
    const streamed = await openai.chat.completions.stream(ask).finalChatCompletion();
    expect(streamed.choices[0]?.message.content).toBe(whole.choices[0]?.message.content);
    expect(streamed.choices[0]?.finish_reason).toBe("length");
  });

  test("lists and finds models", async () => {
    const { data } = await openai.models.list();
    expect(data).toEqual([{ id: "tiny", object: "model", created: 0, owned_by: "outrider" }]);
    expect((await openai.models.retrieve("tiny")).id).toBe("tiny");
    await expect(openai.models.retrieve("other/model")).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });

  test("gets its own error classes, with the request's id", async () => {
    const refusal = openai.chat.completions.create({ ...ask, messages: [] });
    await expect(refusal).rejects.toBeInstanceOf(OpenAI.BadRequestError);
    await expect(refusal).rejects.toMatchObject({
      code: "invalid_request",
      param: "messages",
      requestID: expect.stringMatching(/^req_/),
    });
  });
});

describe("streams arrive as they are made", () => {
  test("the first words are here while the target still works", async () => {
    const response = await run.post(CHAT, { ...ask, max_tokens: 1500, stream: true });
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    expect((await run.originHealth()).live).toBe(1);
    let reads = 1;
    while (!(await reader.read()).done) reads++;
    expect(reads).toBeGreaterThan(20);
    await eventually(async () => expect((await run.originHealth()).live).toBe(0));
  });
});

describe("browsers", () => {
  test("a preflight may send authorization, content-type and the SDK's own headers", async () => {
    const response = await fetch(run.url + CHAT, {
      method: "OPTIONS",
      headers: {
        origin: "https://example.com",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type, x-stainless-lang, x-stainless-retry-count",
      },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(response.headers.get("access-control-allow-methods")).toContain("POST");
    const allowed = response.headers.get("access-control-allow-headers")?.toLowerCase().split(/,\s*/);
    expect(allowed).toEqual(
      expect.arrayContaining(["authorization", "content-type", "x-stainless-lang", "x-stainless-retry-count"]),
    );
  });

  test("answers and refusals may be read from other origins", async () => {
    for (const body of [ask, { ...ask, messages: [] }]) {
      expect((await run.post(CHAT, body)).headers.get("access-control-allow-origin")).toBe("*");
    }
  });

  test("the page and all it needs come from here", async () => {
    const page = await fetch(`${run.url}/`);
    expect(page.headers.get("content-type")).toMatch(/^text\/html/);
    const html = await page.text();
    expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    for (const file of ["style.css", "chat.js", "docs", "docs.js", "openapi.json"]) {
      expect((await fetch(`${run.url}/${file}`)).status).toBe(200);
    }
  });

  test("health is open", async () => {
    expect(await (await fetch(`${run.url}/health`)).json()).toMatchObject({ status: "ok" });
  });
});
