import { afterEach, describe, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { OutriderError } from "../../src/core/model/errors.ts";
import { GREEDY } from "../../src/core/speculate/types.ts";
import { decodeHealth } from "../../src/core/verify/health.ts";
import {
  decodeOriginFrame,
  type EdgeFrame,
  encodeFrame,
  type OpenFrame,
  type OriginFrame,
  PROTOCOL_VERSION,
  timelineHash,
} from "../../src/core/verify/protocol.ts";
import type { Gateway, GenerationEvent } from "../../src/origin/gateway.ts";
import { serveOrigin } from "../../src/origin/node.ts";
import { eventually } from "../support/eventually.ts";
import { freshSession } from "../support/generation.ts";
import { reference, sleep, V } from "../support/scripted.ts";
import { type ScriptedOrigin, scriptedOrigin } from "../support/scripted-engine.ts";

const PROMPT = [7, 8, 9, 10];
const ANSWER = reference(PROMPT, GREEDY, 300, []).tokens;

const open = (fields: Partial<OpenFrame> = {}): OpenFrame => ({
  type: "open",
  version: PROTOCOL_VERSION,
  model: "scripted",
  vocabulary: "scripted-vocabulary",
  session: freshSession(),
  keep: 0,
  keepHash: "",
  prompt: PROMPT,
  sampling: GREEDY,
  rule: { kind: "exact" },
  patience: 0,
  maxTokens: 5,
  stop: [],
  ...fields,
});

/** A bare client: sends what it is told, remembers what comes. */
class Wire {
  readonly frames: OriginFrame[] = [];
  readonly socket: WebSocket;
  /** The close code, or the HTTP status of a refused upgrade. */
  readonly over: Promise<number>;
  readonly #opened: Promise<void>;
  #watchers: (() => void)[] = [];

  constructor(url: string, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(url, { headers });
    this.#opened = new Promise((resolve) => this.socket.on("open", resolve));
    this.over = new Promise((resolve) => {
      this.socket.on("close", (code) => resolve(code));
      this.socket.on("unexpected-response", (_, { statusCode }) => resolve(statusCode ?? 0));
    });
    this.socket.on("error", () => {});
    this.socket.on("message", (data) => {
      this.frames.push(decodeOriginFrame(data.toString()));
      for (const watcher of this.#watchers) watcher();
    });
  }

  async send(frame: EdgeFrame | string | Uint8Array): Promise<void> {
    await this.#opened;
    this.socket.send(typeof frame === "string" || frame instanceof Uint8Array ? frame : encodeFrame(frame));
  }

  async until(found: (frame: OriginFrame) => boolean): Promise<OriginFrame> {
    for (;;) {
      const frame = this.frames.find(found);
      if (frame) return frame;
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }

  get tokens(): number[] {
    return this.frames.flatMap((frame) => (frame.type === "verdict" ? frame.tokens : []));
  }
}

let origin: ScriptedOrigin;
afterEach(async () => {
  await origin.server.close();
  expect(origin.engine.sequences).toBe(0);
});

const isError = (frame: OriginFrame) => frame.type === "error";
const isDone = (frame: OriginFrame) => frame.type === "done";

async function answerTo(frame: EdgeFrame | string): Promise<OriginFrame> {
  const wire = new Wire(origin.url);
  await wire.send(frame);
  const answer = await wire.until((found) => isError(found) || isDone(found));
  wire.socket.terminate();
  return answer;
}

describe("a socket", () => {
  test("carries one generation: verdicts, then done with usage, then it closes", async () => {
    origin = await scriptedOrigin();
    const wire = new Wire(origin.url);
    await wire.send(open());
    expect(await wire.until(isDone)).toEqual({
      type: "done",
      reason: "length",
      usage: { prompt: 4, decided: 5, passes: 5 },
    });
    expect(wire.tokens).toEqual(ANSWER.slice(0, 5));
    expect(await wire.over).toBe(1000);
    await eventually(() => expect(origin.gateway.counts).toEqual({ connections: 0, live: 0, kept: 1 }));
  });

  test("is told with each verdict how much of the origin is taken", async () => {
    origin = await scriptedOrigin({ live: 4 });
    const wire = new Wire(origin.url);
    await wire.send(open());
    await wire.until(isDone);
    expect(wire.frames.flatMap((frame) => (frame.type === "verdict" ? [frame.load] : []))).toEqual(Array(5).fill(0.25));
  });

  test("is refused with a sentence for what can never work", async () => {
    origin = await scriptedOrigin();
    origin.engine.context = 20;
    origin.engine.capabilities = { ...origin.engine.capabilities, rules: ["exact"] };
    const cases: [Partial<OpenFrame>, string, RegExp][] = [
      [{ version: 99 }, "unsupported_version", new RegExp(`version ${PROTOCOL_VERSION}, not 99`)],
      [{ model: "gpt-5" }, "unknown_model", /serves "scripted", not "gpt-5"/],
      [{ vocabulary: "other" }, "vocabulary_mismatch", /vocabulary differs/],
      [{ rule: { kind: "bild", alphaRollback: 3 } }, "unsupported_rule", /no "bild" rule/],
      [{ prompt: [1, V, 2] }, "bad_token", /token 40 is outside the vocabulary of 40/],
      [{ prompt: [] }, "empty_prompt", /at least one token/],
      [{ prompt: Array(20).fill(1) }, "context_exceeded", /has 20 tokens; the limit is 20/],
      [{ keep: 19, prompt: [1] }, "context_exceeded", /has 20 tokens/],
    ];
    for (const [fields, code, message] of cases) {
      const error = await answerTo(open(fields));
      expect(error).toMatchObject({ type: "error", code, retryable: false });
      expect((error as { message: string }).message).toMatch(message);
    }
    expect(origin.engine.passes).toBe(0);
  });

  test("that sends no frame of ours is told so and closed", async () => {
    origin = await scriptedOrigin();
    const bad = [
      "hello",
      "",
      "{}",
      '{"type":"open"}',
      '{"type":"draft","position":-1,"tokens":[]}',
      JSON.stringify(open({ maxTokens: 0 })),
      JSON.stringify(open({ patience: -1 })),
      JSON.stringify(open({ sampling: { ...GREEDY, seed: 2 ** 32 } })),
    ];
    for (const frame of bad) expect(await answerTo(frame)).toMatchObject({ code: "bad_frame", retryable: true });
    const binary = new Wire(origin.url);
    await binary.send(new Uint8Array([1, 2, 3]));
    expect(await binary.until(isError)).toMatchObject({ code: "bad_frame" });
    expect(await binary.over).toBe(1008);
  });

  test("that opens a second generation while one runs ends with an error that may pass", async () => {
    origin = await scriptedOrigin();
    const wire = new Wire(origin.url);
    await wire.send(open({ maxTokens: 500 }));
    await wire.send(open());
    // An edge opens once on a socket: whoever doubled its frame may not do so again.
    expect(await wire.until(isError)).toMatchObject({ code: "bad_frame", retryable: true });
    expect(await wire.over).toBe(1008);
    await eventually(() => expect(origin.gateway.counts.live).toBe(0));
  });

  test("whose frame is larger than the limit is cut", async () => {
    origin = await scriptedOrigin();
    const wire = new Wire(origin.url);
    await wire.send(`"${"x".repeat(2_100_000)}"`);
    expect(await wire.over).toBe(1009);
  });

  test("keeps out-of-vocabulary ids of a draft from doing harm", async () => {
    origin = await scriptedOrigin();
    const wire = new Wire(origin.url);
    await wire.send(open({ patience: 2000, maxTokens: 4 }));
    const first = await wire.until((frame) => frame.type === "verdict");
    expect(first).toMatchObject({ tokens: [ANSWER[0]] });
    await wire.send({ type: "draft", position: 5, tokens: [ANSWER[1]!, 4_000_000_000, 1] });
    await wire.send({ type: "draft", position: 7, tokens: [4_000_000_000] });
    await wire.until(isDone);
    expect(wire.tokens).toEqual(ANSWER.slice(0, 4));
    expect(wire.frames[1]).toMatchObject({ kept: 1 });
  });
});

describe("a client that leaves", () => {
  test("by a close frame or by hanging up stops the target within one pass", async () => {
    origin = await scriptedOrigin();
    origin.engine.stepMs = 5;
    for (const leave of [
      (wire: Wire) => wire.send({ type: "close" }),
      async (wire: Wire) => wire.socket.close(),
      async (wire: Wire) => wire.socket.terminate(),
    ]) {
      const wire = new Wire(origin.url);
      await wire.send(open({ maxTokens: 10_000, patience: 0 }));
      await wire.until((frame) => frame.type === "verdict" && frame.passes === 3);
      await leave(wire);
      await wire.over;
      await eventually(() => expect(origin.gateway.counts).toMatchObject({ connections: 0, live: 0 }));
      const { passes } = origin.engine;
      await sleep(30);
      expect(origin.engine.passes).toBe(passes);
    }
  });

  test("while its prompt is read stops the prefill", async () => {
    origin = await scriptedOrigin();
    origin.engine.stepMs = 3;
    const wire = new Wire(origin.url);
    await wire.send(open({ prompt: Array(3000).fill(1) }));
    await eventually(() => expect(origin.engine.slices).toBeGreaterThan(3));
    wire.socket.terminate();
    await wire.over;
    await eventually(() => expect(origin.gateway.counts.live).toBe(0));
    const { slices } = origin.engine;
    await sleep(30);
    expect(origin.engine.slices).toBe(slices);
    expect(origin.engine.passes).toBe(0);
  });
});

describe("a session", () => {
  test("is kept between turns: what a new prompt shares with what is held is not computed again", async () => {
    origin = await scriptedOrigin();
    const session = freshSession();
    const long = Array.from({ length: 400 }, (_, i) => 1 + (i % 30));
    await answerTo(open({ session, prompt: long }));
    const timeline = [...long, ...reference(long, GREEDY, 5, []).tokens];
    const { slices } = origin.engine;
    expect(slices).toBeGreaterThan(40);

    const kept = new Wire(origin.url);
    await kept.send(open({ session, keep: timeline.length, keepHash: timelineHash(timeline), prompt: [3, 4] }));
    await kept.until(isDone);
    expect(kept.tokens).toEqual(reference([...timeline, 3, 4], GREEDY, 5, []).tokens);

    const whole = new Wire(origin.url);
    const edited = [...timeline.slice(0, 390), 5, 5];
    await whole.send(open({ session, prompt: edited }));
    await whole.until(isDone);
    expect(whole.tokens).toEqual(reference(edited, GREEDY, 5, []).tokens);

    const nothingNew = new Wire(origin.url);
    await nothingNew.send(open({ session, keep: 390, keepHash: timelineHash(timeline.slice(0, 390)), prompt: [] }));
    await nothingNew.until(isDone);
    expect(nothingNew.tokens).toEqual(reference(timeline.slice(0, 390), GREEDY, 5, []).tokens);
    expect(origin.engine.slices).toBe(slices);
  });

  test("with a prefix that the origin does not hold may open again on the same socket", async () => {
    origin = await scriptedOrigin();
    const session = freshSession();
    await answerTo(open({ session }));
    for (const wrong of [
      { keep: 4, keepHash: "123" },
      { keep: 3000, keepHash: "123" },
    ]) {
      const wire = new Wire(origin.url);
      await wire.send(open({ session, prompt: [1], ...wrong }));
      expect(await wire.until(isError)).toMatchObject({ code: "prefix_unknown", retryable: true });
      await wire.send(open({ session }));
      await wire.until(isDone);
      expect(wire.tokens).toEqual(ANSWER.slice(0, 5));
    }
  });

  test("belongs to the newer of two sockets; the older is told", async () => {
    for (const [patience, stepMs] of [
      [0, 5],
      [60_000, 0],
    ] as const) {
      origin = await scriptedOrigin();
      origin.engine.stepMs = stepMs;
      const session = freshSession();
      const older = new Wire(origin.url);
      await older.send(open({ session, maxTokens: 3000, patience }));
      await older.until((frame) => frame.type === "verdict");
      const newer = new Wire(origin.url);
      await newer.send(open({ session, maxTokens: 10 }));
      expect(await older.until(isError)).toMatchObject({ code: "session_taken", retryable: false });
      expect(await older.over).toBe(1008);
      await newer.until(isDone);
      expect(newer.tokens).toEqual(ANSWER.slice(0, 10));
      expect(origin.engine.mostAtOnce).toBe(1);
      await eventually(() => expect(origin.gateway.counts).toEqual({ connections: 0, live: 0, kept: 1 }));
      if (patience === 0) await origin.server.close();
    }
  });

  test("least recently used is forgotten when there are too many", async () => {
    origin = await scriptedOrigin({ kept: 3, live: 2 });
    const sessions = Array.from({ length: 5 }, freshSession);
    for (const session of sessions) await answerTo(open({ session }));
    expect(origin.gateway.counts.kept).toBe(3);
    expect(origin.engine.sequences).toBe(3);
    const keep = { keep: 4, keepHash: timelineHash(PROMPT), prompt: [1] };
    expect(await answerTo(open({ session: sessions[4]!, ...keep }))).toMatchObject({ type: "done" });
    expect(await answerTo(open({ session: sessions[0]!, ...keep }))).toMatchObject({ code: "prefix_unknown" });
  });
});

describe("too much at once", () => {
  /** An origin with as many generations at work as it takes. */
  async function busyOrigin(queueMs: number): Promise<Wire[]> {
    origin = await scriptedOrigin({ live: 2, queueMs });
    origin.engine.stepMs = 5;
    const busy = [new Wire(origin.url), new Wire(origin.url)];
    for (const wire of busy) await wire.send(open({ maxTokens: 3000 }));
    await Promise.all(busy.map((wire) => wire.until((frame) => frame.type === "verdict")));
    return busy;
  }

  test("is refused as overloaded and retryable", async () => {
    const busy = await busyOrigin(100);
    expect(await answerTo(open())).toMatchObject({ code: "overloaded", retryable: true });
    for (const wire of busy) wire.socket.terminate();
  });

  test("waits for room first", async () => {
    const busy = await busyOrigin(60_000);
    const waiting = answerTo(open());
    const url = origin.url.replace("ws:", "http:").replace("/v1/verify", "/health");
    const health = async () => decodeHealth(await (await fetch(url)).text());
    await eventually(async () => expect(await health()).toMatchObject({ live: 2, queued: 1 }));
    await busy[0]!.send({ type: "close" });
    expect(await waiting).toMatchObject({ type: "done" });
    for (const wire of busy) wire.socket.terminate();
  });

  test("an answer that may become long takes no more than it has come to", async () => {
    origin = await scriptedOrigin({ queueMs: 60 });
    origin.engine.capabilities = { ...origin.engine.capabilities, capacity: 1000 };
    origin.engine.stepMs = 5;
    const busy = new Wire(origin.url);
    await busy.send(open({ maxTokens: 900 }));
    await busy.until((frame) => frame.type === "verdict");
    expect(await answerTo(open({ maxTokens: 5 }))).toMatchObject({ type: "done" });
    expect(await answerTo(open({ maxTokens: 200 }))).toMatchObject({ type: "done" });
    busy.socket.terminate();
  });

  test("an answer ends at the origin's own cap", async () => {
    origin = await scriptedOrigin({ maxTokens: 7 });
    expect(await answerTo(open({ maxTokens: 900 }))).toMatchObject({ reason: "length", usage: { decided: 7 } });
    expect(await answerTo(open({ maxTokens: 3 }))).toMatchObject({ reason: "length", usage: { decided: 3 } });
  });

  test("bounds sockets before the upgrade, with retry-after", async () => {
    origin = await scriptedOrigin({ live: 1 });
    const idle = Array.from({ length: 4 }, () => new Wire(origin.url));
    await Promise.all(idle.map((wire) => new Promise((resolve) => wire.socket.on("open", resolve))));
    await eventually(() => expect(origin.gateway.counts.connections).toBe(4));
    const refused = new Wire(origin.url);
    expect(await refused.over).toBe(429);
    for (const wire of idle) wire.socket.terminate();
  });
});

describe("the bearer token", () => {
  test("is needed for sockets and metrics, not for health", async () => {
    origin = await scriptedOrigin({ token: "secret-token" });
    const http = (path: string) => origin.url.replace("ws:", "http:").replace("/v1/verify", path);
    for (const authorization of ["", "Bearer wrong", "secret-token", "Bearer secret-token2", "Bearer "]) {
      const headers: Record<string, string> = authorization === "" ? {} : { authorization };
      expect(await new Wire(origin.url, headers).over).toBe(401);
      const response = await fetch(http("/metrics"), { headers });
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ type: "error", code: "unauthorized" });
    }
    expect(origin.gateway.counts.connections).toBe(0);
    const wire = new Wire(origin.url, { authorization: "Bearer secret-token" });
    await wire.send(open());
    await wire.until(isDone);
    const headers = { authorization: "bearer secret-token" };
    const response = await fetch(http("/metrics"), { headers });
    expect(response.status).toBe(200);
    await response.text();
    const health = await fetch(http("/health"));
    expect(health.status).toBe(200);
    expect(decodeHealth(await health.text())).toMatchObject({ model: "scripted", tokenRequired: true });
  });
});

describe("HTTP", () => {
  test("health tells what is served and how busy it is", async () => {
    origin = await scriptedOrigin();
    const response = await fetch(origin.url.replace("ws:", "http:").replace("/v1/verify", "/health"));
    expect(await response.json()).toEqual({
      status: "ok",
      version: PROTOCOL_VERSION,
      model: "scripted",
      vocabulary: { size: V, hash: "scripted-vocabulary" },
      engine: "scripted",
      context: 4096,
      rules: ["exact", "bild"],
      maxDraft: 15,
      tokenRequired: false,
      region: null,
      queued: 0,
      connections: 0,
      live: 0,
      kept: 0,
    });
  });

  test("a body without an end is not read, and its connection is not kept", async () => {
    origin = await scriptedOrigin();
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(100_000).fill(32)),
    });
    const init = { method: "POST", body: endless, duplex: "half" } as RequestInit;
    const response = await fetch(origin.url.replace("ws:", "http:"), init);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: "not_found" });
  });

  test("other routes are not found", async () => {
    origin = await scriptedOrigin();
    const base = origin.url.replace("ws:", "http:").replace("/v1/verify", "");
    for (const path of ["/", "/v1/chat/completions", "/v1/verify"]) {
      const response = await fetch(base + path);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ code: "not_found" });
    }
    expect(await new Wire(`${origin.url}/else`).over).toBe(404);
  });
});

describe("a failing engine", () => {
  test("ends the generation with an error that hides what is not meant for callers", async () => {
    origin = await scriptedOrigin();
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    const fault = new Error("secret path /x/y");
    origin.engine.fault = fault;
    const error = await answerTo(open());
    expect(log).toHaveBeenCalledWith(fault);
    log.mockRestore();
    expect(error).toMatchObject({ code: "internal", retryable: true });
    expect(JSON.stringify(error)).not.toContain("secret");
    expect(await answerTo(open())).toMatchObject({ type: "done" });
    expect(origin.gateway.healthy).toBe(true);
  });

  test("that has trapped is reported by health", async () => {
    origin = await scriptedOrigin();
    origin.engine.fault = new OutriderError("engine_trapped", "unreachable", { status: 500 });
    expect(await answerTo(open())).toMatchObject({ code: "engine_trapped", retryable: false });
    const response = await fetch(origin.url.replace("ws:", "http:").replace("/v1/verify", "/health"));
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ status: "engine_trapped" });
  });
});

describe("an operator", () => {
  const http = (path: string) => fetch(origin.url.replace("ws:", "http:").replace("/v1/verify", path));

  test("reads what was done in Prometheus' format, under llama.cpp's names where it has some", async () => {
    origin = await scriptedOrigin();
    const generation = origin.gateway.generation(open());
    generation.draft({ position: 4, tokens: [ANSWER[0]!, ANSWER[1]!, (ANSWER[2]! + 1) % V] });
    await origin.gateway.run(generation, () => generation.leave());
    await answerTo(open({ model: "x" }));
    const response = await http("/metrics");
    expect(response.headers.get("content-type")).toContain("text/plain; version=0.0.4");
    const lines = (await response.text()).trim().split("\n");
    const values = Object.fromEntries(
      lines.filter((line) => !line.startsWith("#")).map((line) => line.split(" ") as [string, string]),
    );
    expect(values).toMatchObject({
      "llamacpp:prompt_tokens_total": "4",
      "llamacpp:tokens_predicted_total": "3",
      "llamacpp:n_decode_total": "1",
      "llamacpp:requests_processing": "0",
      "outrider:engine_cached_tokens_total": "0",
      "llamacpp:spec_decode_num_drafts_total": "1",
      "llamacpp:spec_decode_num_draft_tokens_total": "3",
      "llamacpp:spec_decode_num_accepted_tokens_total": "2",
      'llamacpp:spec_decode_num_accepted_tokens_per_pos_total{position="0"}': "1",
      'llamacpp:spec_decode_num_accepted_tokens_per_pos_total{position="1"}': "1",
      'llamacpp:spec_decode_num_accepted_tokens_per_pos_total{position="2"}': "0",
      'outrider:failures_total{code="unknown_model"}': "1",
    });
    // Every sample has a type, and each type is said once.
    const types = lines.filter((line) => line.startsWith("# TYPE")).map((line) => line.split(" ")[2]);
    expect(new Set(types).size).toBe(types.length);
    expect(new Set(Object.keys(values).map((name) => name.split("{")[0]))).toEqual(new Set(types));
  });

  test("needs the token for them, if there is one", async () => {
    origin = await scriptedOrigin({ token: "a-token-of-some-length" });
    expect((await http("/metrics")).status).toBe(401);
  });

  test("is told of each generation in numbers, however it ended", async () => {
    const events: GenerationEvent[] = [];
    origin = await scriptedOrigin({ log: (event) => events.push(event) });
    const session = "a-session-with-a-long-name";
    await answerTo(open({ session }));
    await answerTo(open({ session, model: "x" }));
    await eventually(() => expect(events).toHaveLength(2));
    const said = { session: "a-sessio", prompt: 4, kept: 0 };
    expect(events[0]).toMatchObject({ ...said, cached: 0, decided: 5, passes: 5, end: "length" });
    expect(events[1]).toMatchObject({ ...said, decided: 0, end: "unknown_model" });
    const kinds = events.flatMap((event) => Object.values(event)).map((value) => typeof value);
    expect(new Set(kinds)).toEqual(new Set(["string", "number"]));
  });

  test("has sessions forgotten that did nothing for long", async () => {
    let passed = 0;
    origin = await scriptedOrigin({ idleMs: 60_000, now: () => performance.now() + passed });
    await answerTo(open());
    expect(origin.gateway.counts.kept).toBe(1);
    origin.gateway.expire();
    expect(origin.gateway.counts.kept).toBe(1);
    passed = 70_000;
    origin.gateway.expire();
    expect(origin.gateway.counts.kept).toBe(0);
    expect(origin.engine.sequences).toBe(0);
  });

  test("has one that comes back after all begin anew, whether anybody has looked since or not", async () => {
    let passed = 0;
    origin = await scriptedOrigin({ idleMs: 60_000, now: () => performance.now() + passed });
    const session = freshSession();
    await answerTo(open({ session }));
    passed = 70_000;
    expect(await answerTo(open({ session, prompt: [...PROMPT, ...ANSWER.slice(0, 5)] }))).toMatchObject({
      type: "done",
    });
    expect(origin.engine.sequences).toBe(1);
  });

  test("stops it without breaking what is at work: nothing new, then the end", async () => {
    origin = await scriptedOrigin();
    origin.engine.stepMs = 10;
    const [wire, early] = [new Wire(origin.url), new Wire(origin.url)];
    await wire.send(open({ maxTokens: 15 }));
    await wire.until(({ type }) => type === "verdict");
    await eventually(() => expect(origin!.gateway.counts.connections).toBe(2));
    const closed = origin.server.close(5000);
    await eventually(async () => expect(await (await http("/health")).json()).toMatchObject({ status: "draining" }));
    expect(await new Wire(origin.url).over).toBe(503);
    await early.send(open({ session: "too late", maxTokens: 15 }));
    expect(await early.until(({ type }) => type === "error")).toMatchObject({ code: "draining", retryable: true });
    expect(await wire.until(isDone)).toMatchObject({ usage: { decided: 15 } });
    await closed;
    expect(wire.tokens).toEqual(ANSWER.slice(0, 15));
  });

  test("sees a model that is still loading as such", async () => {
    let come: (gateway: Gateway) => void = () => {};
    const coming = new Promise<Gateway>((resolve) => {
      come = resolve;
    });
    const server = await serveOrigin(coming, 0, "127.0.0.1");
    const url = `http://127.0.0.1:${server.port}/health`;
    const early = await fetch(url);
    expect({ status: early.status, retry: early.headers.get("retry-after") }).toEqual({ status: 503, retry: "1" });
    expect(await early.json()).toMatchObject({ status: "loading" });
    expect(await new Wire(`ws://127.0.0.1:${server.port}/v1/verify`).over).toBe(503);
    origin = await scriptedOrigin();
    come(origin.gateway);
    await eventually(async () => expect((await fetch(url)).status).toBe(200));
    await server.close();
  });
});
