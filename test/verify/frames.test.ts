/** Frames as a property: any that is allowed survives the wire, and any text whatever is a frame or a `bad_frame`. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OutriderError } from "../../src/core/model/errors.ts";
import {
  decodeEdgeFrame,
  decodeOriginFrame,
  type EdgeFrame,
  encodeFrame,
  MAX_DRAFT,
  type OriginFrame,
  withCheck,
} from "../../src/core/verify/protocol.ts";

const token = fc.nat(0xffffffff);
const position = fc.maxSafeNat();
/** A number that JSON gives back: no NaN, no infinity, no −0. */
const number = (min: number, max = 1e12) => fc.double({ min, max, noNaN: true }).map((value) => value + 0);
const tokens = fc.array(token, { maxLength: MAX_DRAFT });
const optional = { requiredKeys: [] as [] };

const open = fc.record({
  type: fc.constant("open" as const),
  version: fc.nat(),
  model: fc.string({ unit: "binary" }),
  vocabulary: fc.string(),
  session: fc.string({ minLength: 1, maxLength: 128 }),
  keep: position,
  keepHash: fc.string(),
  prompt: fc.array(token),
  sampling: fc.record({
    temperature: number(0, 100),
    topK: fc.nat(),
    topP: number(Number.MIN_VALUE, 1),
    minP: number(0, 1),
    seed: token,
  }),
  shaping: fc.option(
    fc.record(
      {
        from: position,
        bias: fc.array(fc.tuple(token, fc.option(number(-100, 100))), { maxLength: 20 }),
        allowed: fc.array(token, { minLength: 1, maxLength: 20 }),
        repetition: fc.record({ by: number(Number.MIN_VALUE, 100), last: fc.nat() }),
        penalties: fc.record({ presence: number(-2, 2), frequency: number(-2, 2) }),
        minTokens: fc.nat(),
      },
      { requiredKeys: ["from"] },
    ),
    { nil: undefined },
  ),
  logprobs: fc.option(fc.nat(20), { nil: undefined }),
  rule: fc.oneof(
    fc.constant({ kind: "exact" as const }),
    fc.record({ kind: fc.constant("bild" as const), alphaRollback: number(0) }),
  ),
  patience: number(0, 600_000),
  maxTokens: fc.integer({ min: 1 }),
  stop: fc.array(token),
});

const draft = fc
  .tuple(
    fc.record({ type: fc.constant("draft" as const), position, tokens }),
    fc.record(
      {
        siblings: fc.array(fc.record({ at: position, id: token }), { maxLength: MAX_DRAFT }),
        patience: number(0, 600_000),
      },
      optional,
    ),
  )
  .map(([needed, more]) => ({ ...needed, ...more }));

const verdict = fc
  .tuple(
    fc.record({
      type: fc.constant("verdict" as const),
      position,
      kept: fc.nat(),
      tokens: fc.array(token, { minLength: 1 }),
      passes: fc.integer({ min: 1 }),
      scored: fc.nat(),
      stepMs: number(0),
      waitMs: number(0),
    }),
    fc.record(
      {
        arrival: fc.record({ position, tokens: fc.nat(), ms: number(0) }),
        logprobs: fc.array(
          fc.record({ logprob: number(-1e4, 0), top: fc.array(fc.tuple(token, number(-1e4, 0)), { maxLength: 20 }) }),
        ),
        undrafted: fc.boolean(),
        siblings: fc.boolean(),
      },
      optional,
    ),
  )
  .map(([needed, more]) => ({ ...needed, ...more }));

const done = fc.record({
  type: fc.constant("done" as const),
  reason: fc.constantFrom("stop" as const, "length" as const),
  usage: fc.record({ prompt: fc.nat(), decided: fc.nat(), passes: fc.nat() }),
});

const error = fc.record({
  type: fc.constant("error" as const),
  code: fc.string(),
  message: fc.string({ unit: "binary" }),
  retryable: fc.boolean(),
});

const edgeFrame: fc.Arbitrary<EdgeFrame> = fc.oneof(open, draft, fc.constant({ type: "close" as const }));
const originFrame: fc.Arbitrary<OriginFrame> = fc.oneof(verdict, done, error);

describe("every allowed frame survives the wire", () => {
  test("from the edge", () => {
    fc.assert(fc.property(edgeFrame, (frame) => void expect(decodeEdgeFrame(encodeFrame(frame))).toEqual(frame)));
  });

  test("from the origin", () => {
    fc.assert(fc.property(originFrame, (frame) => void expect(decodeOriginFrame(encodeFrame(frame))).toEqual(frame)));
  });
});

/** The JSON of a frame of which one field is another value, or which lost or gained some characters. */
const damaged = fc
  .tuple(fc.oneof(edgeFrame, originFrame), fc.nat(), fc.jsonValue(), fc.nat(), fc.nat(9), fc.string())
  .chain(([frame, field, value, at, cut, text]) => {
    const names = Object.keys(frame);
    const whole = JSON.stringify(frame);
    const from = at % whole.length;
    return fc.constantFrom(
      JSON.stringify({ ...frame, [names[field % names.length]!]: value }),
      whole.slice(0, from) + text + whole.slice(from + cut),
    );
  });
const hostile = fc.oneof(
  { weight: 3, arbitrary: damaged },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
);

/** A verdict whose logprob is too small for a double. */
const UNDERFLOW = JSON.stringify({
  type: "verdict",
  position: 10,
  kept: 0,
  tokens: [7],
  passes: 1,
  scored: 1,
  stepMs: 0,
  waitMs: 0,
  logprobs: [{ logprob: -1, top: [] }],
}).replace("-1", "-1e-999");

test.each([
  ["from the edge", (json: string) => decodeEdgeFrame(withCheck(json))],
  ["from the origin", (json: string) => decodeOriginFrame(withCheck(json))],
] as const)("any text %s is a frame or a bad_frame that may be tried again", (_, decode) => {
  let frames = 0;
  fc.assert(
    fc.property(hostile, (text) => {
      try {
        // What is read once is read the same again. The texts are compared, because -1e-999 is read as −0, whose text is 0.
        const read = JSON.stringify(decode(text));
        expect(JSON.stringify(decode(read))).toBe(read);
        frames++;
      } catch (error) {
        expect(error).toBeInstanceOf(OutriderError);
        expect(error).toMatchObject({
          code: "bad_frame",
          retryable: true,
          message: expect.stringMatching(/^bad frame: /),
        });
      }
    }),
    { numRuns: 1000, examples: [[UNDERFLOW]] },
  );
  expect(frames).toBeGreaterThan(0);
});

test.each([
  ["edge", decodeEdgeFrame],
  ["origin", decodeOriginFrame],
] as const)("any text without a check that fits is no frame of the %s", (_, decode) => {
  fc.assert(fc.property(hostile, (text) => void expect(() => decode(text)).toThrow(/it is damaged/)));
});
