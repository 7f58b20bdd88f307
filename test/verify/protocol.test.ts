import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OutriderError } from "../../src/model/errors.ts";
import { GREEDY } from "../../src/speculate/types.ts";
import {
  decodeEdgeFrame,
  decodeOriginFrame,
  decodeVerifyBody,
  type EdgeFrame,
  encodeFrame,
  MAX_DRAFT,
  MAX_FRAME_CHARS,
  type OriginFrame,
  PROTOCOL_VERSION,
  timelineHash,
} from "../../src/verify/protocol.ts";
import { seeded } from "../support/random.ts";

const OPEN = {
  type: "open",
  version: PROTOCOL_VERSION,
  model: "m",
  vocabulary: "v",
  session: "s",
  keep: 2,
  keepHash: "abc",
  prompt: [1, 2, 0xffffffff],
  sampling: { ...GREEDY, temperature: 0.8, seed: 0xffffffff },
  rule: { kind: "bild", alphaRollback: 2.5 },
  patience: 10.5,
  maxTokens: 1,
  stop: [2],
} satisfies EdgeFrame;

const EDGE: EdgeFrame[] = [
  OPEN,
  { type: "draft", position: 0, tokens: [] },
  { type: "draft", position: Number.MAX_SAFE_INTEGER, tokens: [] },
  { type: "draft", position: 9, tokens: Array(MAX_DRAFT).fill(7) },
  { type: "close" },
];
const ORIGIN: OriginFrame[] = [
  { type: "verdict", position: 4, kept: 1, tokens: [3, 4], passes: 2, scored: 1, stepMs: 1.5, waitMs: 0 },
  { type: "done", reason: "stop", usage: { prompt: 1, decided: 2, passes: 3 } },
  { type: "error", code: "overloaded", message: "later", retryable: true },
];

test("every frame survives the wire", () => {
  for (const frame of EDGE) expect(decodeEdgeFrame(encodeFrame(frame))).toEqual(frame);
  for (const frame of ORIGIN) expect(decodeOriginFrame(encodeFrame(frame))).toEqual(frame);
  const { open, draft } = decodeVerifyBody(JSON.stringify({ open: OPEN }));
  expect(open).toEqual(OPEN);
  expect(draft).toEqual([]);
});

const id = fc.integer({ min: 0, max: 0xffffffff });
const position = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const ids = fc.array(id, { maxLength: 40 });
const ms = fc.double({ min: 0, max: 600_000, noNaN: true }).map((value) => value + 0);
const edgeFrame: fc.Arbitrary<EdgeFrame> = fc.oneof(
  fc.record({
    type: fc.constant("open" as const),
    version: fc.integer(),
    model: fc.string({ unit: "binary" }),
    vocabulary: fc.string(),
    session: fc.string({ minLength: 1, maxLength: 128 }),
    keep: position,
    keepHash: fc.string(),
    prompt: ids,
    sampling: fc.record({
      temperature: fc.double({ min: 0, max: 100, noNaN: true }).map((value) => value + 0),
      topK: position,
      topP: fc.double({ min: 1e-9, max: 1, noNaN: true }),
      minP: fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value + 0),
      seed: id,
    }),
    rule: fc.oneof(
      fc.record({ kind: fc.constant("exact" as const) }),
      fc.record({ kind: fc.constant("bild" as const), alphaRollback: ms }),
    ),
    patience: ms,
    maxTokens: fc.integer({ min: 1 }),
    stop: ids,
  }),
  fc.record(
    {
      type: fc.constant("draft" as const),
      position,
      tokens: fc.array(id, { maxLength: MAX_DRAFT }),
      siblings: fc.array(fc.record({ at: position, id }), { maxLength: MAX_DRAFT }),
      patience: ms,
    },
    { requiredKeys: ["type", "position", "tokens"] },
  ),
  fc.record({ type: fc.constant("close" as const) }),
);
const originFrame: fc.Arbitrary<OriginFrame> = fc.oneof(
  fc.record(
    {
      type: fc.constant("verdict" as const),
      position,
      kept: position,
      tokens: fc.array(id, { minLength: 1, maxLength: MAX_DRAFT + 1 }),
      passes: fc.integer({ min: 1 }),
      scored: position,
      stepMs: ms,
      waitMs: ms,
      arrival: fc.record({ position, tokens: position, ms }),
      undrafted: fc.boolean(),
      siblings: fc.boolean(),
    },
    { requiredKeys: ["type", "position", "kept", "tokens", "passes", "scored", "stepMs", "waitMs"] },
  ),
  fc.record({ type: fc.constant("error" as const), code: fc.string(), message: fc.string(), retryable: fc.boolean() }),
);

test("any frame survives the wire", () => {
  fc.assert(fc.property(edgeFrame, (frame) => void expect(decodeEdgeFrame(encodeFrame(frame))).toEqual(frame)));
  fc.assert(fc.property(originFrame, (frame) => void expect(decodeOriginFrame(encodeFrame(frame))).toEqual(frame)));
});

test("a frame that is damaged anywhere is refused as such, or is a frame of the same kinds", () => {
  const damaged = (frame: fc.Arbitrary<EdgeFrame | OriginFrame>) =>
    fc.tuple(frame, fc.nat(), fc.nat({ max: 3 }), fc.string({ maxLength: 3 })).map(([one, seed, cut, put]) => {
      const text = encodeFrame(one);
      const at = seed % (text.length + 1);
      return text.slice(0, at) + put + text.slice(at + cut);
    });
  const survives = (decode: (text: string) => EdgeFrame | OriginFrame) => (text: string) => {
    try {
      expect(decode(encodeFrame(decode(text)))).toEqual(decode(text));
    } catch (error) {
      expect(error).toBeInstanceOf(OutriderError);
      expect(error).toMatchObject({ code: "bad_frame", retryable: true });
    }
  };
  fc.assert(fc.property(damaged(edgeFrame), survives(decodeEdgeFrame)));
  fc.assert(fc.property(damaged(originFrame), survives(decodeOriginFrame)));
});

test("an open with 128k token ids fits a frame", () => {
  const frame = { ...OPEN, prompt: Array(131_072).fill(128_255) };
  expect(encodeFrame(frame).length).toBeLessThan(MAX_FRAME_CHARS);
});

describe("a bad frame", () => {
  const without = (name: string) => JSON.stringify({ ...OPEN, [name]: undefined });

  test("is refused with the name of what is wrong", () => {
    const cases: [string, RegExp][] = [
      ["", /not JSON/],
      ["nul", /not JSON/],
      ["null", /bad frame/],
      ["[]", /bad frame/],
      ['{"type":"verdict"}', /type/],
      ...Object.keys(OPEN)
        .filter((name) => name !== "type")
        .map((name): [string, RegExp] => [without(name), new RegExp(`bad frame: ${name}`)]),
      [JSON.stringify({ ...OPEN, prompt: [1, -1] }), /prompt\.1/],
      [JSON.stringify({ ...OPEN, prompt: [1.5] }), /prompt\.0/],
      [JSON.stringify({ ...OPEN, prompt: [2 ** 32] }), /prompt\.0/],
      [JSON.stringify({ ...OPEN, session: "" }), /session/],
      [JSON.stringify({ ...OPEN, session: "x".repeat(129) }), /session/],
      [JSON.stringify({ ...OPEN, sampling: { ...OPEN.sampling, topP: 0 } }), /sampling\.topP/],
      [JSON.stringify({ ...OPEN, rule: { kind: "magic" } }), /rule/],
      [JSON.stringify({ type: "draft", position: 1, tokens: Array(MAX_DRAFT + 1).fill(1) }), /tokens/],
      [`"${"x".repeat(MAX_FRAME_CHARS)}"`, /exceed the limit/],
    ];
    for (const [text, message] of cases) {
      expect(() => decodeEdgeFrame(text), text.slice(0, 80)).toThrow(message);
      expect(() => decodeEdgeFrame(text)).toThrow(expect.objectContaining({ code: "bad_frame", retryable: true }));
    }
    expect(() => decodeOriginFrame(JSON.stringify({ ...ORIGIN[0], tokens: [] }))).toThrow(/tokens/);
    expect(() => decodeOriginFrame(JSON.stringify({ ...ORIGIN[1], reason: "error" }))).toThrow(/reason/);
  });
});

describe("timelineHash", () => {
  test("tells apart timelines that differ in one token, in order or in length", () => {
    const random = seeded(1);
    const seen = new Map<string, string>();
    for (let i = 0; i < 3000; i++) {
      const timeline = Array.from({ length: i % 40 }, () => Math.floor(random() * 3));
      const hash = timelineHash(timeline);
      const text = timeline.join();
      expect(seen.get(hash) ?? text).toBe(text);
      seen.set(hash, text);
    }
    expect(timelineHash([1, 2])).not.toBe(timelineHash([2, 1]));
    expect(timelineHash([0])).not.toBe(timelineHash([0, 0]));
  });
});
