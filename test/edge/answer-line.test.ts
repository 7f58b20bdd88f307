/** The line of an answer: what it says, what it never says, and the trace that goes on to the origin. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { OutriderError } from "../../src/core/model/errors.ts";
import type { Outcome } from "../../src/edge/api/outcome.ts";
import type { Env } from "../../src/edge/env.ts";
import type { Origin } from "../../src/edge/origins/origins.ts";
import { traced, traceId, traceOf } from "../../src/edge/origins/trace.ts";
import { AnswerLine, DOUBLES } from "../../src/edge/session/answer-line.ts";
import { authenticate } from "../../src/edge/tenant/tenant.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const REQUEST = `req_${"0123456789abcdef".repeat(2)}`;

describe("a trace", () => {
  test("of the client goes on with a span of its own", () => {
    const given = `00-${TRACE}-00f067aa0ba902b7-01`;
    const own = traceOf(given, REQUEST);
    expect(own).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
    expect(own).not.toBe(given);
    expect(traceId(own)).toBe(TRACE);
  });

  test.each([
    ["none", null],
    ["zeros", `00-${"0".repeat(32)}-00f067aa0ba902b7-01`],
    ["no parent", `00-${TRACE}-${"0".repeat(16)}-01`],
    ["another version", `01-${TRACE}-00f067aa0ba902b7-01`],
    ["something else", "x".repeat(10_000)],
    ["a second line", `00-${TRACE}-00f067aa0ba902b7-01\r\nx: y`],
  ])("that is %s begins with the request's id", (_, given) => {
    expect(traceOf(given, REQUEST)).toMatch(/^00-(0123456789abcdef){2}-[0-9a-f]{16}-00$/);
  });

  test("begins at random where the request was named by its client", () => {
    expect(traceId(traceOf(null, "mine"))).not.toBe(traceId(traceOf(null, "mine")));
  });

  test("is a header of what an origin is asked, beside its others", async () => {
    const asked: Headers[] = [];
    const fetch: Origin["fetch"] = async (_, init) => {
      asked.push(new Headers(init?.headers));
      return new Response();
    };
    await traced({ name: "o", region: null, fetch }, "a trace").fetch("/", { headers: { upgrade: "websocket" } });
    expect(Object.fromEntries(asked[0]!)).toEqual({ upgrade: "websocket", traceparent: "a trace" });
  });
});

test("a key has a name that tells nothing of it", async () => {
  // printf 'sk-secret' | sha256sum
  const nameOf = async (env: object) => (await authenticate("Bearer sk-secret", env as Env)).name;
  expect(await nameOf({ API_KEYS: "sk-secret" })).toBe("746b4ad1");
  expect(await nameOf({ SESSION_SECRET: "server secret" })).toBeNull();
});

describe("a line", () => {
  const lines: string[] = [];
  beforeEach(() => {
    vi.spyOn(console, "log").mockImplementation((line) => lines.push(line));
  });
  afterEach(() => {
    vi.restoreAllMocks();
    lines.length = 0;
  });
  const request = { requestId: REQUEST, session: "abcdef0123456789", key: "team-a", traceparent: null };
  const outcome = {
    finish: "stop",
    timings: { cache_n: 3, prompt_n: 4, prompt_ms: 20, predicted_n: 9, draft_n: 8, draft_n_accepted: 5 },
    account: { seed: 1, draft: "both", patience_ms: 0, note: "words" },
  } as unknown as Outcome;
  const circumstance = {
    origin: "https://origin.example",
    place: { region: "weur", why: "configured", moves: 0, round_trip_ms: 7 },
  } as const;

  test("of an answer has its numbers and names, once", () => {
    const points: { doubles: readonly number[] }[] = [];
    const line = new AnswerLine(request, Date.now() - 50, {
      ANSWERS: { writeDataPoint: (point) => points.push(point) },
    });
    line.ended(outcome, circumstance);
    line.failed(new Error("later"), 9, circumstance);
    expect(lines).toHaveLength(1);
    const said = JSON.parse(lines[0]!);
    expect(said).toMatchObject({
      event: "answer",
      request: REQUEST,
      trace: REQUEST.slice(4),
      key: "team-a",
      session: "abcdef01",
      finish: "stop",
      origin: "https://origin.example",
      region: "weur",
      round_trip_ms: 7,
      predicted_n: 9,
      draft_n_accepted: 5,
      draft: "both",
    });
    expect(said.ms).toBeGreaterThanOrEqual(50);
    // Neither what words explain nor what was sent.
    expect(lines[0]).not.toMatch(/words|seed/);
    expect(points).toEqual([
      {
        indexes: ["team-a"],
        blobs: ["stop", "https://origin.example", "weur", "both"],
        doubles: [said.ms, 20, 0, 3, 4, 9, 0, 8, 0, 5, 0, 0],
      },
    ]);
    expect(points[0]!.doubles).toHaveLength(1 + DOUBLES.length);
  });

  test("of a refusal has its code and status, of a failure that nobody foresaw no words", () => {
    new AnswerLine(request, 0, {}).failed(new OutriderError("session_busy", "words", { status: 429 }), 0, null);
    new AnswerLine(request, 0, {}).failed(new Error("words"), 4, circumstance);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { finish: "session_busy", status: 429, predicted_n: 0, origin: null },
      { finish: "internal_error", status: 500, predicted_n: 4, origin: "https://origin.example" },
    ]);
    expect(lines.join()).not.toContain("words");
  });
});
