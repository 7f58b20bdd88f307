import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { WebSocketServer, type WebSocket as WsSocket } from "ws";
import { REFUSALS } from "../../src/core/grammar/source.ts";
import { OutriderError } from "../../src/core/model/errors.ts";
import { type Done, GREEDY, type Verdict, type Verifier } from "../../src/core/speculate/types.ts";
import { VerifyClient, type VerifyClientOptions, type Way } from "../../src/core/verify/client.ts";
import {
  decodeEdgeFrame,
  type EdgeFrame,
  encodeFrame,
  MAX_DRAFT,
  type OriginFrame,
  PROTOCOL_VERSION,
  timelineHash,
} from "../../src/core/verify/protocol.ts";
import { eventually } from "../support/eventually.ts";
import { sleep } from "../support/scripted.ts";
import { virtually } from "../support/virtual-time.ts";

/** An origin whose every answer the test writes: one script per connection, in order. */
type Script = (peer: Peer) => Promise<void> | void;

class Peer {
  readonly frames: EdgeFrame[] = [];
  readonly socket: WsSocket;
  #watchers: (() => void)[] = [];

  constructor(socket: WsSocket) {
    this.socket = socket;
    socket.on("message", (data) => {
      this.frames.push(decodeEdgeFrame(data.toString()));
      for (const watcher of this.#watchers) watcher();
    });
  }

  async frame(index: number): Promise<EdgeFrame> {
    while (this.frames.length <= index) await new Promise<void>((resolve) => this.#watchers.push(resolve));
    return this.frames[index]!;
  }

  send(frame: OriginFrame | string): void {
    this.socket.send(typeof frame === "string" ? frame : encodeFrame(frame));
  }
}

let server: WebSocketServer;
let url = "";
let scripts: Script[] = [];
let peers: Peer[] = [];
const clients: VerifyClient[] = [];

beforeAll(async () => {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket) => {
    const peer = new Peer(socket);
    peers.push(peer);
    void scripts.shift()?.(peer);
  });
  await new Promise((resolve) => server.on("listening", resolve));
  url = `ws://127.0.0.1:${(server.address() as { port: number }).port}`;
});

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  scripts = [];
  peers = [];
});

afterAll(() => {
  for (const socket of server.clients) socket.terminate();
  server.close();
});

const PROMPT = [5, 6, 7];

function client(...script: Script[]): VerifyClient {
  return clientWith({}, ...script);
}

type Options = Partial<VerifyClientOptions> & Partial<Way>;

function clientWith({ connect, decided, failed, ...options }: Options, ...script: Script[]): VerifyClient {
  scripts = script;
  const made = new VerifyClient({
    way: {
      connect: connect ?? (async () => new WebSocket(url)),
      ...(decided && { decided }),
      ...(failed && { failed }),
    },
    open: {
      model: "m",
      vocabulary: "v",
      session: "s",
      sampling: GREEDY,
      rule: { kind: "exact" },
      patience: 0,
      stop: [0],
    },
    timeline: PROMPT,
    keep: 0,
    vocabularySize: 100,
    maxTokens: 10,
    retryMs: [5, 5],
    // A busy machine keeps a socket waiting for seconds.
    silenceMs: 20_000,
    ...options,
  });
  clients.push(made);
  return made;
}

/** In virtual time: a socket that is open, and says these frames once it is asked. */
function scriptedSocket(...frames: OriginFrame[]): WebSocket {
  const socket = Object.assign(new EventTarget(), {
    readyState: 1,
    send() {
      const said = frames.splice(0).map((frame) => new MessageEvent("message", { data: encodeFrame(frame) }));
      setTimeout(() => said.forEach((event) => void socket.dispatchEvent(event)), 0);
    },
    close() {},
  });
  return socket as unknown as WebSocket;
}

/** A client with the waits and the deadline that it has in truth. */
const scriptedClient = (connect: () => Promise<WebSocket>, patience = 0) =>
  new VerifyClient({
    way: { connect },
    open: {
      ...{ model: "m", vocabulary: "v", session: "s", sampling: GREEDY, stop: [0] },
      ...{ rule: { kind: "exact" }, patience },
    },
    timeline: PROMPT,
    keep: 0,
    vocabularySize: 100,
    maxTokens: 10,
  });

const verdict = (position: number, tokens: number[], passes: number, kept = 0): OriginFrame => ({
  type: "verdict",
  position,
  kept,
  tokens,
  passes,
  scored: kept,
  stepMs: 1,
  waitMs: 0,
});
/** @param length of the timeline then */
const done = (reason: "stop" | "length", length = 4): OriginFrame => ({
  type: "done",
  reason,
  usage: { prompt: 3, decided: length - 3, passes: 1 },
});
const error = (code: string, retryable: boolean): OriginFrame => ({
  type: "error",
  code,
  message: "because",
  retryable,
});

/** Everything a verifier says until it is done. */
async function all(verifier: Verifier): Promise<(Verdict | Done)[]> {
  const answers: (Verdict | Done)[] = [];
  for (;;) {
    const answer = await verifier.next();
    answers.push(answer);
    if ("reason" in answer) return answers;
  }
}

const tokensOf = (answers: (Verdict | Done)[]) =>
  answers.flatMap((answer) => ("tokens" in answer ? answer.tokens : []));

/** After the open, sends each frame in turn. */
const saying =
  (...frames: (OriginFrame | string)[]): Script =>
  async (peer) => {
    await peer.frame(0);
    for (const frame of frames) peer.send(frame);
  };
/** After the open, sends the frames and breaks the connection. */
const breaking =
  (...frames: OriginFrame[]): Script =>
  async (peer) => {
    await saying(...frames)(peer);
    await sleep(10);
    peer.socket.terminate();
  };

describe("one socket", () => {
  test("opens with the whole timeline, passes verdicts on, and says when there are some", async () => {
    const verifier = client(saying(verdict(3, [1], 1), verdict(4, [2, 3], 2, 1), done("length", 6)));
    expect(verifier.ready).toBe(false);
    await eventually(() => expect(verifier.ready).toBe(true));
    expect(await verifier.next()).toEqual({
      position: 3,
      kept: 0,
      tokens: [1],
      passes: 1,
      scored: 0,
      stepMs: 1,
      waitMs: 0,
    });
    expect(await verifier.next()).toMatchObject({ position: 4, kept: 1, tokens: [2, 3], passes: 2 });
    expect(await verifier.next()).toEqual({ reason: "length" });
    expect(verifier.ready).toBe(false);
    await expect(verifier.next()).rejects.toMatchObject({ code: "closed" });
    expect(peers[0]!.frames[0]).toEqual({
      type: "open",
      version: PROTOCOL_VERSION,
      model: "m",
      vocabulary: "v",
      session: "s",
      keep: 0,
      keepHash: timelineHash([]),
      prompt: PROMPT,
      sampling: GREEDY,
      rule: { kind: "exact" },
      patience: 0,
      maxTokens: 10,
      stop: [0],
    });
  });

  test("opens with a kept prefix, and with all of it where the origin does not know the prefix", async () => {
    const verifier = clientWith({ keep: 2 }, async (peer) => {
      expect(await peer.frame(0)).toMatchObject({ keep: 2, keepHash: timelineHash([5, 6]), prompt: [7] });
      peer.send(error("prefix_unknown", true));
      expect(await peer.frame(1)).toMatchObject({ type: "open", keep: 0, prompt: PROMPT, maxTokens: 10 });
      peer.send(verdict(3, [0], 1));
      peer.send(done("stop"));
    });
    expect(tokensOf(await all(verifier))).toEqual([0]);
    expect(peers).toHaveLength(1);
  });

  test("carries drafts, never longer than the wire allows nor with ids it cannot carry", async () => {
    const verifier = client(saying(verdict(3, [1], 1)));
    await verifier.next();
    verifier.submit({ position: 4, tokens: [8, 9] });
    verifier.submit({ position: 4, tokens: Array(40).fill(1) });
    verifier.submit({ position: 4, tokens: [1, -1, 2] });
    verifier.submit({ position: 4, tokens: [Number.NaN] });
    verifier.submit({
      position: 4,
      tokens: [5, 6],
      siblings: [7, -1, 8, 9].map((id, i) => ({ at: [1, 0, 2, 0][i]!, id })),
    });
    await peers[0]!.frame(5);
    expect(peers[0]!.frames.slice(1)).toEqual([
      { type: "draft", position: 4, tokens: [8, 9] },
      { type: "draft", position: 4, tokens: Array(MAX_DRAFT).fill(1) },
      { type: "draft", position: 4, tokens: [1] },
      { type: "draft", position: 4, tokens: [] },
      {
        ...{ type: "draft", position: 4, tokens: [5, 6] },
        siblings: [
          { at: 1, id: 7 },
          { at: 0, id: 9 },
        ],
      },
    ]);
  });

  test("is told to close, once, and a waiting `next` rejects", async () => {
    const verifier = client(saying(verdict(3, [1], 1)));
    await verifier.next();
    const waiting = expect(verifier.next()).rejects.toMatchObject({ code: "closed" });
    verifier.close();
    verifier.close();
    await waiting;
    await peers[0]!.frame(1);
    await sleep(20);
    expect(peers[0]!.frames.slice(1)).toEqual([{ type: "close" }]);
    expect(peers).toHaveLength(1);
  });

  test("that comes when it was closed already is closed", async () => {
    let opened: WebSocket | null = null;
    const verifier = clientWith({
      connect: async () => {
        await sleep(20);
        opened = new WebSocket(url);
        return opened;
      },
    });
    verifier.close();
    await sleep(60);
    expect((opened as unknown as WebSocket).readyState).toBeGreaterThanOrEqual(2);
    expect(peers.flatMap(({ frames }) => frames)).toEqual([]);
  });
});

describe("a lost socket", () => {
  test("is replaced: kept prefix, tokens left, passes that go on counting, and the draft under way", async () => {
    const verifier = client(breaking(verdict(3, [1], 1), verdict(4, [2], 2)), async (peer) => {
      expect(await peer.frame(0)).toMatchObject({
        type: "open",
        keep: 5,
        keepHash: timelineHash([5, 6, 7, 1, 2]),
        prompt: [],
        maxTokens: 8,
      });
      expect(await peer.frame(1)).toEqual({ type: "draft", position: 5, tokens: [3, 4] });
      peer.send(verdict(5, [3, 4, 9], 1, 2));
      peer.send(done("length", 8));
    });
    await verifier.next();
    await verifier.next();
    verifier.submit({ position: 5, tokens: [3, 4] });
    expect(await all(verifier)).toMatchObject([
      { position: 5, kept: 2, tokens: [3, 4, 9], passes: 3 },
      { reason: "length" },
    ]);
  });

  test("before the first verdict opens as at first", async () => {
    const again: Script = async (peer) => {
      expect(await peer.frame(0)).toMatchObject({ keep: 2, prompt: [7], maxTokens: 10 });
      peer.send(verdict(3, [0], 1));
      peer.send(done("stop"));
    };
    expect(tokensOf(await all(clientWith({ keep: 2 }, breaking(), again)))).toEqual([0]);
  });

  test("after the last token needs no new one: only the `done` was missing", async () => {
    expect(await all(client(breaking(verdict(3, [4, 0], 1))))).toEqual([expect.anything(), { reason: "stop" }]);
    expect(peers).toHaveLength(1);
    peers = [];
    expect(await all(clientWith({ maxTokens: 2 }, breaking(verdict(3, [4, 5], 1))))).toEqual([
      expect.anything(),
      { reason: "length" },
    ]);
    expect(peers).toHaveLength(1);
  });

  test("is not mistaken for the end when the prompt happens to end in a stop token", async () => {
    const verifier = clientWith({ timeline: [5, 0] }, breaking(), saying(verdict(2, [3], 1), done("length", 3)));
    expect(tokensOf(await all(verifier))).toEqual([3]);
    expect(peers).toHaveLength(2);
  });

  test("before the first verdict is tried again as often as there are waits", async () => {
    const verifier = client(breaking(), breaking(), breaking(), saying(verdict(3, [1], 1)));
    await expect(verifier.next()).rejects.toMatchObject({ code: "origin_lost", status: 503, retryable: true });
    expect(peers).toHaveLength(3);
  });

  test("after a verdict is tried again more often than there are waits, until the deadline", async () => {
    const gone = breaking();
    const verifier = client(
      breaking(verdict(3, [1], 1)),
      gone,
      gone,
      gone,
      gone,
      saying(verdict(4, [0], 1), done("stop", 5)),
    );
    expect(tokensOf(await all(verifier))).toEqual([1, 0]);
    expect(peers).toHaveLength(6);
  });

  test("after a verdict ends with what was wrong last, at the deadline", async () => {
    let dials = 0;
    const { clock, failure } = await virtually(async (now) => {
      const verifier = scriptedClient(async () => {
        if (dials++ > 0) throw new Error("refused");
        return scriptedSocket(verdict(3, [1], 1));
      });
      expect(await verifier.next()).toMatchObject({ tokens: [1] });
      const failure = await verifier.next().catch((error: unknown) => error);
      return { clock: now(), failure };
    });
    expect(failure).toMatchObject({ code: "origin_unreachable", status: 503, retryable: true });
    expect(clock).toBe(60_000);
    // Every three seconds at least, once the origin was lost by its silence.
    expect(dials).toBeGreaterThan(10);
  });

  test("may not even connect", async () => {
    let calls = 0;
    const refusing = clientWith({
      connect: async () => {
        calls++;
        throw new Error("refused");
      },
    });
    await expect(refusing.next()).rejects.toMatchObject({ code: "origin_unreachable", status: 503, retryable: true });
    expect(calls).toBe(3);
    const closed = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await new Promise((resolve) => closed.on("listening", resolve));
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    const nobody = clientWith({ connect: async () => new WebSocket(`ws://127.0.0.1:${port}`) });
    await expect(nobody.next()).rejects.toMatchObject({ code: "origin_unreachable" });
  });

  test("is final at once where `connect` says so", async () => {
    let calls = 0;
    const verifier = clientWith({
      connect: async () => {
        calls++;
        throw new OutriderError("origin_unauthorized", "check ORIGIN_TOKEN", { status: 502 });
      },
    });
    await expect(verifier.next()).rejects.toMatchObject({ code: "origin_unauthorized", status: 502 });
    expect(calls).toBe(1);
  });
});

describe("what does not make sense is a lost socket", () => {
  const bad: [string, (OriginFrame | string)[]][] = [
    ["no JSON", ["garbage"]],
    ["an unknown frame", ['{"type":"hello"}']],
    ["a gap", [verdict(4, [1], 1)]],
    ["a repetition", [verdict(3, [1], 1), verdict(3, [1], 2)]],
    ["more kept than decided", [verdict(3, [1], 1, 2)]],
    ["more decided than asked for", [verdict(3, Array(11).fill(1), 1)]],
    ["an id outside the vocabulary", [verdict(3, [100], 1)]],
    ["an id outside the vocabulary behind one inside", [verdict(3, [1, 4_000_000_000], 1, 1)]],
    [
      "an id outside the vocabulary behind a refused token",
      [{ ...verdict(3, [1], 1), recycled: [2, null, 100] } as OriginFrame],
    ],
    ["tokens behind the end of the answer", [verdict(3, [0, 1], 1, 1)]],
    [
      "a verdict that was changed on its way",
      [encodeFrame(verdict(3, [1], 1)).replace('"tokens":[1]', '"tokens":[2]')],
    ],
    ["the end before any verdict", [done("stop", 3)]],
    ["the end by length before any verdict", [done("length", 3)]],
    ["a stop where no stop token is", [verdict(3, [1], 1), done("stop")]],
    ["an end behind a verdict that was lost", [verdict(3, [1], 1), done("length", 5)]],
  ];
  for (const [name, frames] of bad) {
    test(name, async () => {
      const verifier = client(saying(...frames), async (peer) => {
        const open = await peer.frame(0);
        const position = open.type === "open" ? open.keep + open.prompt.length : 0;
        peer.send(verdict(position, [9], 1));
        peer.send(done("length", position + 1));
      });
      const tokens = tokensOf(await all(verifier));
      expect(tokens).toEqual(
        ["a repetition", "a stop where", "an end behind"].some((begin) => name.startsWith(begin)) ? [1, 9] : [9],
      );
      expect(peers).toHaveLength(2);
    });
  }

  test("a binary frame", async () => {
    const verifier = client(
      async (peer) => {
        await peer.frame(0);
        peer.socket.send(Buffer.from(encodeFrame(verdict(3, [1], 1))));
      },
      saying(verdict(3, [2], 1), done("length")),
    );
    expect(tokensOf(await all(verifier))).toEqual([2]);
  });
});

describe("silence", () => {
  test("longer than allowed is a lost socket, and in the end a timeout", async () => {
    const hushed = clientWith(
      { silenceMs: 600 },
      saying(verdict(3, [1], 1)),
      saying(verdict(4, [2], 1), done("length", 5)),
    );
    expect(tokensOf(await all(hushed))).toEqual([1, 2]);
    const dead = clientWith({ silenceMs: 30 }, saying(), saying(), saying());
    await expect(dead.next()).rejects.toMatchObject({ code: "origin_timeout", status: 504, retryable: true });
  });

  test("whatever the client's patience, ends by one deadline for all tries together", async () => {
    const { clock, error } = await virtually(async (now) => {
      const verifier = scriptedClient(async () => scriptedSocket(), 600_000);
      const error = await verifier.next().catch((failure: unknown) => failure);
      return { clock: now(), error };
    });
    expect(error).toMatchObject({ code: "origin_timeout", status: 504, retryable: true });
    // Silence on one socket, and on a second.
    expect(clock).toBe(60_000);
  });

  test("is none where the origin works, and one that gets on with a long prompt has no deadline", async () => {
    const told = async (slices: (n: number) => number) =>
      virtually(async (now) => {
        let dials = 0;
        const verifier = scriptedClient(async () => {
          dials++;
          const socket = scriptedSocket();
          const say = (frame: OriginFrame) =>
            socket.dispatchEvent(new MessageEvent("message", { data: encodeFrame(frame) }));
          for (let n = 1; n < 40; n++) setTimeout(say, 5000 * n, { type: "working", slices: slices(n) });
          setTimeout(say, 170_000, verdict(3, [0], 1));
          setTimeout(say, 170_000, done("stop"));
          return socket;
        });
        const last = await verifier.next().catch((failure: unknown) => failure);
        return { last, dials, clock: now() };
      });
    expect(await told((n) => n >> 3)).toMatchObject({ last: { tokens: [0] }, dials: 1, clock: 170_000 });
    // Waiting for its turn it is not lost, and not waited for beyond the deadline either.
    expect(await told(() => 0)).toMatchObject({ last: { code: "origin_timeout" }, dials: 1, clock: 60_000 });
    // No prompt of three tokens has four slices: three were told by the fifteenth second.
    expect(await told((n) => n)).toMatchObject({ last: { code: "origin_timeout" }, dials: 1, clock: 75_000 });
  });

  test("of an origin that begins again and again counts, however often it says that it works", async () => {
    const { dials, clock } = await virtually(async (now) => {
      let dials = 0;
      const verifier = scriptedClient(async () => {
        const socket = scriptedSocket();
        const tell = (event: Event) => socket.dispatchEvent(event);
        const say = (frame: OriginFrame) => tell(new MessageEvent("message", { data: encodeFrame(frame) }));
        if (dials++ === 0) setTimeout(say, 0, verdict(3, [1], 1));
        else if (dials < 200) setTimeout(say, 5000, { type: "working", slices: 1 });
        setTimeout(tell, 6000, new Event("close"));
        return socket;
      });
      await verifier.next();
      await verifier.next().catch(() => {});
      return { dials, clock: now() };
    });
    // Four slices are told, one a socket of some nine seconds, and then a minute passes.
    expect(dials).toBeLessThan(20);
    expect(clock).toBeLessThan(120_000);
  });

  test("does not count the origin's patience, once a verdict has come", async () => {
    const { open } = { open: { model: "m", vocabulary: "v", session: "s", sampling: GREEDY, stop: [0] } };
    const verifier = clientWith(
      { silenceMs: 600, open: { ...open, rule: { kind: "exact" }, patience: 3000 } },
      async (peer) => {
        await peer.frame(0);
        peer.send(verdict(3, [1], 1));
        await sleep(900);
        peer.send(verdict(4, [0], 2));
        peer.send(done("stop", 5));
      },
    );
    expect(tokensOf(await all(verifier))).toEqual([1, 0]);
    expect(peers).toHaveLength(1);
  });

  test("of a connection that never opens counts too, and its socket is not used when it comes late", async () => {
    let calls = 0;
    const verifier = clientWith(
      {
        silenceMs: 600,
        connect: async () => {
          if (calls++ === 0) await sleep(900);
          return new WebSocket(url);
        },
      },
      saying(verdict(3, [1], 1), done("length")),
    );
    expect(tokensOf(await all(verifier))).toEqual([1]);
    await sleep(900);
    expect(peers.filter(({ frames }) => frames.length > 0)).toHaveLength(1);
  });
});

test("a connection that fails late, after it was given up, does not disturb the one in use", async () => {
  let calls = 0;
  const { promise: late, resolve: failLate } = Promise.withResolvers<void>();
  const verifier = clientWith(
    {
      silenceMs: 600,
      connect: async () => {
        if (calls++ > 0) return new WebSocket(url);
        await late;
        throw new Error("refused at last");
      },
    },
    async (peer) => {
      await peer.frame(0);
      failLate();
      await sleep(10);
      peer.send(verdict(3, [0], 1));
      peer.send(done("stop"));
    },
  );
  expect(tokensOf(await all(verifier))).toEqual([0]);
  expect(calls).toBe(2);
});

describe("an error of the origin", () => {
  test("that is not retryable is final, with the status a client should see", async () => {
    for (const [code, status] of [
      ["context_exceeded", 400],
      ["session_taken", 409],
      ["vocabulary_mismatch", 502],
      // The edge has checked the client's ids: an origin that holds others has made them up.
      ["bad_token", 502],
      ["something_new", 502],
    ] as const) {
      const verifier = client(saying(error(code, false)));
      await expect(verifier.next()).rejects.toMatchObject({ code, status, retryable: false });
    }
    expect(peers).toHaveLength(5);
  });

  test("about the answer's form is the client's own, in the name of its field", async () => {
    for (const code of REFUSALS) {
      const refused = { code, status: 400, retryable: false };
      await expect(client(saying(error(code, false))).next()).rejects.toMatchObject({
        ...refused,
        param: "response_format",
      });
      const named = clientWith({ formField: "guided_json" }, saying(error(code, false)));
      await expect(named.next()).rejects.toMatchObject({ ...refused, param: "guided_json" });
    }
    await expect(client(saying(error("kv_full", false))).next()).rejects.toMatchObject({ param: null });
  });

  test("that it did not foresee is tried once more, and then is no outage", async () => {
    const fault = saying(error("internal", true));
    const waits = { retryMs: [5, 5, 5, 5] };
    const once = clientWith(waits, fault, saying(verdict(3, [0], 1), done("stop")));
    expect(tokensOf(await all(once))).toEqual([0]);
    peers = [];
    const always = clientWith(waits, fault, fault, fault, fault, fault);
    await expect(always.next()).rejects.toMatchObject({ code: "internal", status: 502, retryable: false });
    expect(peers).toHaveLength(2);
    peers = [];
    const later = clientWith(waits, saying(verdict(3, [1], 1), error("internal", true)), fault, fault, fault);
    expect(await later.next()).toMatchObject({ tokens: [1] });
    await expect(later.next()).rejects.toMatchObject({ code: "internal" });
    expect(peers).toHaveLength(2);
  });

  test("reaches a client as one line of words and a plain code", async () => {
    const said = async (code: string, message: string) => {
      const frame: OriginFrame = { type: "error", code, message, retryable: false };
      return (await client(saying(frame))
        .next()
        .catch((failure: unknown) => failure)) as OutriderError;
    };
    const stack = await said("engine_failed", "no memory\n    at foo (/secret/path.ts:1:2)");
    expect(stack).toMatchObject({ code: "engine_failed", message: "the origin refused: no memory" });
    const long = await said("Error: <b>", `\u0000\u001b[31m${"x".repeat(1_000_000)}`);
    expect(long.code).toBe("origin_failed");
    expect(long.message.length).toBeLessThan(350);
    expect(long.message).toMatch(/^the origin refused: \[31mx+…$/);
    expect((await said("x".repeat(1000), "")).code).toBe("origin_failed");
  });

  test("that another origin may not answer with is no end where there is another", async () => {
    const said: string[] = [];
    const way = { decided: () => void said.push("decided"), failed: ({ code }: OutriderError) => said.push(code) < 3 };
    const other = saying(verdict(3, [1], 1), error("vocabulary_mismatch", false));
    const verifier = clientWith(way, saying(error("unknown_model", false)), other);
    expect(await verifier.next()).toMatchObject({ tokens: [1] });
    await expect(verifier.next()).rejects.toMatchObject({ code: "vocabulary_mismatch" });
    expect(said).toEqual(["unknown_model", "decided", "vocabulary_mismatch"]);
  });

  test("that is retryable is tried again, then final", async () => {
    const later = client(saying(error("overloaded", true)), saying(verdict(3, [0], 1), done("stop")));
    expect(tokensOf(await all(later))).toEqual([0]);
    const never = client(...Array.from({ length: 3 }, () => saying(error("overloaded", true))));
    await expect(never.next()).rejects.toMatchObject({ code: "overloaded", status: 503, retryable: true });
  });

  test("does not swallow verdicts that came before it", async () => {
    const verifier = client(saying(verdict(3, [1], 1), error("kv_full", false)));
    await sleep(40);
    expect(await verifier.next()).toMatchObject({ tokens: [1] });
    await expect(verifier.next()).rejects.toMatchObject({ code: "kv_full", status: 503 });
  });
});
