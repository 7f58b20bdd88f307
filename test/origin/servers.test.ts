/**
 * The engines behind HTTP servers: the table of all engines over scripted ones, and what a failing server makes of an
 * answer.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { chooseToken } from "../../src/core/speculate/sample.ts";
import { GREEDY, type Sampling } from "../../src/core/speculate/types.ts";
import { type OpenFrame, PROTOCOL_VERSION } from "../../src/core/verify/protocol.ts";
import type { TargetEngine } from "../../src/origin/engine.ts";
import type { KnownModel } from "../../src/origin/engines/known-model.ts";
import type { RemoteOptions } from "../../src/origin/engines/remote.ts";
import { connectSglang } from "../../src/origin/engines/sglang.ts";
import { connectVllm, wholeIsCheaper } from "../../src/origin/engines/vllm.ts";
import { Metrics } from "../../src/origin/metrics.ts";
import { checkOpen } from "../../src/origin/opening.ts";
import { alone, drafted, ENGINE_CASES, SAMPLED, streamsTheSame } from "../cases/engines.ts";
import { eventually } from "../support/eventually.ts";
import { seeded } from "../support/random.ts";
import { reference, scriptedRow, V } from "../support/scripted.ts";
import { type Scripted, type ScriptedServer, scriptedSglang, scriptedVllm } from "../support/scripted-servers.ts";

interface Kind {
  readonly name: string;
  serve(model?: Scripted): Promise<ScriptedServer>;
  connect(options: RemoteOptions): Promise<TargetEngine>;
}

const KINDS: readonly Kind[] = [
  { name: "SGLang", serve: scriptedSglang, connect: connectSglang },
  {
    name: "an SGLang that dies of tokens by id",
    serve: (model) => scriptedSglang(model, "0.5.17.post1"),
    connect: connectSglang,
  },
  { name: "an SGLang of a fork", serve: (model) => scriptedSglang(model, "main"), connect: connectSglang },
  { name: "vLLM", serve: scriptedVllm, connect: connectVllm },
  {
    name: "vLLM without a limit of log probabilities",
    serve: (model) => scriptedVllm(model, undefined, model?.size ?? V),
    connect: connectVllm,
  },
];

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "outrider-served-"));
  const vocab = Object.fromEntries(Array.from({ length: V }, (_, id) => [`<${id}>`, id]));
  writeFileSync(join(directory, "tokenizer.json"), JSON.stringify({ model: { vocab }, added_tokens: [] }));
  writeFileSync(join(directory, "config.json"), JSON.stringify({ max_position_embeddings: 2048 }));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const promptOf = (seed: number, length: number): number[] => {
  const random = seeded(seed);
  return Array.from({ length }, () => 1 + Math.floor(random() * (V - 1)));
};
const deciding = { sampling: GREEDY, rule: { kind: "exact" }, stop: new Set<number>() } as const;

describe.each(KINDS)("$name", ({ serve, connect }) => {
  let server: ScriptedServer;
  let engine: TargetEngine;

  beforeEach(async () => {
    server = await serve();
    engine = await connect({ url: server.url, model: directory, token: null, maxDraft: 15 });
  });
  afterEach(() => server.close());

  const prompts = [promptOf(1, 5), promptOf(2, 300), promptOf(3, 40)];
  test.each(ENGINE_CASES)("$name", ({ run }) => run({ engine, prompts }));

  // The last keeps as many tokens as vLLM tells.
  test.each([GREEDY, ...SAMPLED, { temperature: 1.2, topK: 20, topP: 0.9, minP: 0, seed: 13 }])(
    "says what the target says: %o",
    async (sampling) => {
      if (!engine.capabilities.drafted(sampling)) return expect(sampling.topP).toBeLessThan(1);
      for (const prompt of prompts) {
        const { tokens } = reference(prompt, sampling, 20, []);
        expect(await alone(engine, prompt, sampling, 20)).toEqual(tokens);
      }
    },
  );

  describe("of a model that is known already", () => {
    const probe = { text: "a text", ids: [1, 2, 3] };
    const known = { model: "qwen-7b-instruct", vocabulary: { size: V, hash: "x" }, context: 2048, probe };
    const right = () => probe.ids;

    async function connected(model: Scripted, expected: KnownModel): Promise<TargetEngine> {
      await using asked = { ...(await serve(model)), [Symbol.asyncDispose]: () => asked.close() };
      return await connect({ url: asked.url, model: expected, token: null, maxDraft: 15 });
    }

    test.each([
      ["by name and tokens", { name: "Qwen-7B-Instruct", tokenize: right }, known],
      ["stored otherwise", { name: "Qwen-7B-Instruct-AWQ", tokenize: right }, known],
      ["by name alone, where the server tells no tokens", { name: "qwen-7b-instruct" }, known],
    ])("is taken %s", async (_, model, expected) => {
      expect(await connected(model, expected)).toMatchObject({ model: known.model, vocabulary: known.vocabulary });
    });

    test("is whatever the server runs, where only the tokens are known", async () => {
      const { model } = await connected({ name: "Qwen-32B-Instruct", tokenize: right }, { ...known, model: null });
      expect(model).toMatch(/^(qwen-32b-instruct|served)$/);
    });

    test.each([
      ["another name", { name: "Qwen-32B-Instruct", tokenize: right }, known, "the target is qwen-7b-instruct. Name"],
      ["other tokens", { name: "Qwen-7B-Instruct", tokenize: () => [1, 2, 4] }, known, "its token ids are others"],
      ["tokens untold", { name: "Qwen-32B-Instruct" }, { ...known, model: null }, "does not tell the tokens"],
    ])("is refused: %s", async (_, model, expected, message) => {
      const error = await connected(model, expected).catch((reason) => reason);
      expect(error).toMatchObject({ code: "wrong_model", message: expect.stringContaining(message) });
      expect(error.message).toContain(model.name);
    });
  });

  test("takes the smaller of the server's context and the model's, less what the server keeps back", () => {
    expect(engine.context).toBeLessThan(2048);
    expect(engine.context).toBeGreaterThan(2030);
  });

  test.each([
    ["500", { code: "engine_failed", status: 502, retryable: true }],
    ["400", { code: "engine_refused", status: 502, retryable: false }],
    ["garbage", { code: "engine_refused", status: 502, retryable: false }],
    ["cut", { code: "engine_unreachable", status: 503, retryable: true }],
  ] as const)("a server that answers with %s costs a clear error and no token", async (fault, error) => {
    const sequence = engine.open();
    sequence.append(prompts[0]!);
    await sequence.decide([], deciding);
    const before = [...sequence.timeline];
    server.fault = fault;
    await expect(sequence.decide([1, 2], deciding)).rejects.toMatchObject(error);
    expect(sequence.timeline).toEqual(before);
    await sequence.decide([], deciding);
    expect(sequence.timeline.slice(prompts[0]!.length)).toEqual(reference(prompts[0]!, GREEDY, 2, []).tokens);
    sequence.close();
  });

  test("streams what it decides pass by pass, and ends the request when it is left", async () => {
    for (const prompt of prompts) await streamsTheSame(engine, prompt, 16);
    await eventually(() => expect(server.streaming).toBe(0));
  });

  test.each([
    ["500", { code: "engine_failed", retryable: true }],
    ["garbage", { code: "engine_refused", retryable: false }],
    ["cut", { code: "engine_unreachable", retryable: true }],
  ] as const)("a stream that meets %s is a clear error", async (fault, error) => {
    const sequence = engine.open();
    sequence.append(prompts[0]!);
    server.fault = fault;
    await expect(sequence.stream!(GREEDY, 4).next()).rejects.toMatchObject(error);
    expect(sequence.timeline).toEqual(prompts[0]);
    sequence.close();
  });

  test("a server that is slow is waited for", async () => {
    server.fault = { stallMs: 200 };
    expect(await alone(engine, prompts[0]!, GREEDY, 3)).toEqual(reference(prompts[0]!, GREEDY, 3, []).tokens);
  });
});

test("SGLang is asked from the last decided token on, which its cache never holds", async () => {
  const server = await scriptedSglang();
  const engine = await connectSglang({ url: server.url, model: directory, token: null, maxDraft: 15 });
  const sequence = engine.open();
  sequence.append(promptOf(4, 30));
  const { cached } = await sequence.decide([3, 4, 5], deciding);
  expect(server.requests.at(-1)!.body).toMatchObject({
    input_ids: [[...promptOf(4, 30), 3, 4, 5]],
    logprob_start_len: [29],
    sampling_params: { max_new_tokens: 0, temperature: 0 },
  });
  expect(cached).toBe(29);
  const { length } = sequence.timeline;
  await sequence.decide([3, 4], deciding, [{ at: 1, id: 7 }]);
  const { input_ids, logprob_start_len } = server.requests.at(-1)!.body as { [name: string]: number[][] };
  expect(input_ids!.map((ids) => ids.slice(length))).toEqual([
    [3, 4],
    [3, 7],
  ]);
  expect(logprob_start_len).toEqual([length - 1, length + 1]);

  const metrics = new Metrics();
  const verdict = { position: 30, kept: 0, tokens: [1], passes: 1, scored: 3, stepMs: 1, waitMs: 0 };
  metrics.passed(verdict, { kept: 0, tokens: [1], cached: cached! });
  const text = metrics.text({ processing: 0, deferred: 0, connections: 0, kept: 0 });
  expect(text).toContain("\noutrider:engine_cached_tokens_total 29\n");
  await server.close();
});

test.each([
  ["20", 20, true],
  ["-1", V, false],
])("vLLM with --max-logprobs %s says what it could do more: %o", async (_, limit, isLess) => {
  const server = await scriptedVllm(undefined, undefined, limit);
  const engine = await connectVllm({ url: server.url, model: directory, token: null, maxDraft: 15 });
  const open: OpenFrame = {
    ...{ type: "open", version: PROTOCOL_VERSION, model: engine.model, vocabulary: engine.vocabulary.hash },
    ...{ session: "s", keep: 0, keepHash: "", prompt: [1, 2], rule: { kind: "exact" }, sampling: GREEDY },
    ...{ stop: [], patience: 0, maxTokens: 4, shaping: { from: 2, bias: [[3, 1]] } },
  };
  const refusal = /leave them out\. vLLM started with --max-logprobs -1 can do more/;
  if (isLess) expect(() => checkOpen(open, engine)).toThrow(refusal);
  else expect(() => checkOpen(open, engine)).not.toThrow();
  await server.close();
});

/** What a request of another client for `logprob_token_ids` leaves of the others in its batch. */
function mixed(reply: unknown): unknown {
  const { choices } = structuredClone(reply) as { choices: { logprobs: { top_logprobs: unknown[] } }[] };
  for (const { logprobs } of choices) logprobs.top_logprobs = [{ "token_id:9": -1, "token_id:0": -9999 }];
  return { choices };
}

test("vLLM is asked again where another client took the likeliest tokens of its batch", async () => {
  const server = await scriptedVllm();
  const engine = await connectVllm({ url: server.url, model: directory, token: null, maxDraft: 15 });
  const sampling = { temperature: 1, topK: 12, topP: 1, minP: 0, seed: 6 };
  const prompt = promptOf(8, 30);
  const right = reference(prompt, sampling, 3, []).tokens;
  server.fault = { garbled: mixed, times: 2 };
  expect(await alone(engine, prompt, sampling, 3)).toEqual(right);

  server.fault = { garbled: mixed, times: 10 };
  const sequence = engine.open();
  sequence.append(prompt);
  const refused = sequence.decide([], { ...deciding, sampling });
  await expect(refused).rejects.toMatchObject({
    code: "engine_refused",
    retryable: true,
    message: expect.stringContaining("another client may be asking it for logprob_token_ids"),
  });
  expect(sequence.timeline).toEqual(prompt);
  await server.close();
});

/** A checkpoint of so many tokens. */
function vocabularyOf(size: number): string {
  const home = join(directory, `${size}`);
  mkdirSync(home, { recursive: true });
  const vocab = Object.fromEntries(Array.from({ length: size }, (_, id) => [`<${id}>`, id]));
  writeFileSync(join(home, "tokenizer.json"), JSON.stringify({ model: { vocab }, added_tokens: [] }));
  writeFileSync(join(home, "config.json"), JSON.stringify({ max_position_embeddings: 2048 }));
  return home;
}

describe.each(KINDS)("$name, with more tokens than one reply tells", ({ serve, connect, name }) => {
  const size = 3000;
  const sampling: Sampling = { temperature: 0.4, topK: 0, topP: 1, minP: 0, seed: 3 };

  test("draws under no filter what all logits say, with drafts and without, and hardly ever asks for all", async () => {
    const server = await serve({ name: "scripted", size });
    const engine = await connect({ url: server.url, model: vocabularyOf(size), token: null, maxDraft: 8 });
    const prompt = promptOf(6, 20);
    const timeline = [...prompt];
    for (let n = 0; n < 40; n++) timeline.push(chooseToken(scriptedRow(timeline, size), sampling, timeline.length));
    const right = timeline.slice(prompt.length);
    expect(await alone(engine, prompt, sampling, 40)).toEqual(right);
    const before = server.requests.length;
    const { tokens, kept, passes } = await drafted(engine, prompt, sampling, right, 4);
    expect(tokens).toEqual(right.slice(0, tokens.length));
    expect(kept).toBeGreaterThan(5);
    const asked = server.requests.slice(before).map(({ body }) => Number(body.top_logprobs_num ?? body.logprobs));
    if (!name.startsWith("an SGLang")) expect(Math.max(...asked)).toBeLessThan(size);
    // A pass that leaves a token open asks again about that one, and keeps the draft behind it.
    if (name === "SGLang") expect(asked.length).toBeLessThan(passes * 1.2);
    await server.close();
  });
});

test("vLLM is asked for the whole prompt's probabilities only where beginnings would compute more", async () => {
  const server = await scriptedVllm();
  const engine = await connectVllm({ url: server.url, model: directory, token: null, maxDraft: 15 });
  for (const length of [20, 400]) {
    const sequence = engine.open();
    sequence.append(promptOf(5, length));
    await sequence.decide([3, 4, 5, 6], deciding);
    const { prompt, prompt_logprobs } = server.requests.at(-1)!.body as { prompt: unknown[]; prompt_logprobs?: number };
    const whole = length === 20;
    expect(prompt).toHaveLength(whole ? 24 : 5);
    expect(prompt_logprobs !== undefined).toBe(whole);
    sequence.close();
  }
  const sequence = engine.open();
  sequence.append(promptOf(5, 20));
  await sequence.decide([3, 4], deciding, [{ at: 1, id: 7 }]);
  const prompts = [[], [3], [3, 4], [3, 7]].map((tokens) => [...promptOf(5, 20), ...tokens]);
  expect(server.requests.at(-1)!.body).toMatchObject({ prompt: prompts });
  sequence.close();
  // Behind 32 cached tokens 5 beginnings compute 8 to 12 tokens each, 50 against 44 in one; behind 96, 4 to 8 each.
  expect(wholeIsCheaper(40, 4, 0, 16)).toBe(true);
  expect(wholeIsCheaper(100, 4, 0, 16)).toBe(false);
  expect(wholeIsCheaper(10, 0, 0, 16)).toBe(false);
  // With two siblings beginnings compute 70, which is less than twice as many.
  expect(wholeIsCheaper(40, 4, 2, 16)).toBe(false);
  expect(wholeIsCheaper(20, 8, 2, 16)).toBe(true);
  await server.close();
});

test.each([
  [
    "blocks of 128",
    'block_size="128",cache_dtype="auto",effective_attention_block_size="64",enable_prefix_caching="True"',
  ],
  ["no cache", 'block_size="16",enable_prefix_caching="False"'],
])("a vLLM server with %s computes a prompt once, without siblings", async (_, facts) => {
  const server = await scriptedVllm(
    undefined,
    `# TYPE\nvllm:cache_config_info{_block_size_resolved="True",${facts}} 1.0\n`,
  );
  const engine = await connectVllm({ url: server.url, model: directory, token: null, maxDraft: 15 });
  const sequence = engine.open();
  sequence.append(promptOf(5, 120));
  const greedy = await sequence.decide([3, 4], deciding, [{ at: 1, id: 7 }]);
  expect(greedy.tokens).toHaveLength(1 + greedy.kept);
  expect(server.requests.at(-1)!.body).toMatchObject({ prompt: [...promptOf(5, 120), 3, 4], prompt_logprobs: 2 });
  await server.close();
});

test.each([
  ["greedily", GREEDY],
  ["under a sampling of its own", { temperature: 0.9, topK: 0, topP: 0.8, minP: 0, seed: 5 }],
])("vLLM decides %s with none of its model's own defaults", async (_, sampling) => {
  const server = await scriptedVllm();
  const engine = await connectVllm({ url: server.url, model: directory, token: null, maxDraft: 15 });
  const before = server.requests.length;
  await alone(engine, promptOf(7, 9), sampling, 2);
  const sequence = engine.open();
  sequence.append(promptOf(7, 9));
  for await (const _ of sequence.stream!(sampling, 2));
  const { temperature, topP } = sampling;
  const requests = server.requests.slice(before);
  expect(requests).toHaveLength(3);
  for (const { body } of requests) {
    expect(body).toMatchObject({ temperature, top_p: topP, top_k: -1, min_p: 0, repetition_penalty: 1 });
  }
  await server.close();
});
