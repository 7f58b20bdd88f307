import { describe, expect, test } from "vitest";
import { GREEDY } from "../../src/core/speculate/types.ts";
import {
  decodeEdgeFrame,
  decodeOriginFrame,
  type EdgeFrame,
  encodeFrame,
  MAX_DRAFT,
  MAX_FRAME_CHARS,
  type OriginFrame,
  PROTOCOL_VERSION,
  timelineHash,
  withCheck,
} from "../../src/core/verify/protocol.ts";
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
  shaping: { from: 5, bias: [[3, -1.5] as const, [4, null] as const], minTokens: 2 },
  logprobs: 3,
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
        .filter((name) => !["type", "shaping", "logprobs"].includes(name))
        .map((name): [string, RegExp] => [without(name), new RegExp(`bad frame: ${name}`)]),
      [JSON.stringify({ ...OPEN, prompt: [1, -1] }), /prompt\.1/],
      [JSON.stringify({ ...OPEN, prompt: [1.5] }), /prompt\.0/],
      [JSON.stringify({ ...OPEN, prompt: [2 ** 32] }), /prompt\.0/],
      [JSON.stringify({ ...OPEN, session: "" }), /session/],
      [JSON.stringify({ ...OPEN, session: "x".repeat(129) }), /session/],
      [JSON.stringify({ ...OPEN, sampling: { ...OPEN.sampling, topP: 0 } }), /sampling\.topP/],
      [JSON.stringify({ ...OPEN, rule: { kind: "magic" } }), /rule/],
      // A kind that this origin does not know must not be dropped.
      [JSON.stringify({ ...OPEN, shaping: { from: 1, magic: {} } }), /shaping: .*magic/],
      [JSON.stringify({ ...OPEN, shaping: { from: 1, bias: [[1, 101]] } }), /shaping\.bias\.0\.1/],
      [JSON.stringify({ type: "draft", position: 1, tokens: Array(MAX_DRAFT + 1).fill(1) }), /tokens/],
      [`"${"x".repeat(MAX_FRAME_CHARS)}"`, /exceed the limit/],
    ];
    for (const [text, message] of cases) {
      const frame = withCheck(text);
      expect(() => decodeEdgeFrame(frame), text.slice(0, 80)).toThrow(message);
      expect(() => decodeEdgeFrame(frame)).toThrow(expect.objectContaining({ code: "bad_frame", retryable: true }));
    }
    expect(() => decodeOriginFrame(withCheck(JSON.stringify({ ...ORIGIN[0], tokens: [] })))).toThrow(/tokens/);
    expect(() => decodeOriginFrame(withCheck(JSON.stringify({ ...ORIGIN[1], reason: "error" })))).toThrow(/reason/);
  });
});

test("a frame of which any character was changed, lost or doubled is refused as damaged", () => {
  const whole = encodeFrame(ORIGIN[0]!);
  const expectDamaged = (text: string) => expect(() => decodeOriginFrame(text), text).toThrow(/it is damaged/);
  for (let at = 0; at < whole.length; at++) {
    // Another digit would be another token.
    const other = whole[at] === "7" ? "8" : "7";
    expectDamaged(whole.slice(0, at) + other + whole.slice(at + 1));
    expectDamaged(whole.slice(0, at) + whole.slice(at + 1));
    expectDamaged(whole.slice(0, at) + whole[at] + whole.slice(at));
    expectDamaged(whole.slice(0, at));
  }
  expectDamaged(whole + whole);
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
