import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KeyLimits } from "../../src/core/platform/keys.ts";
import { type Buckets, duration, EMPTY_BUCKETS, rateHeaders, settle, take } from "../../src/edge/bill/allowance.ts";

const NOON = Date.UTC(2026, 10, 27, 12);
let tickets = 0;

/** A key whose requests come at given times. */
class Key {
  taken: Buckets = EMPTY_BUCKETS;
  readonly limits: KeyLimits;
  constructor(limits: KeyLimits) {
    this.limits = limits;
  }

  /** Ends at once, at the cost that was expected. Returns the refusal. */
  ask(time: number, tokens = 1, cost = tokens) {
    const ticket = this.begin(time, tokens);
    if (typeof ticket !== "string") return ticket;
    this.taken = settle(this.taken, this.limits, { ticket, tokens: cost, time });
    return null;
  }

  begin(time: number, tokens = 1) {
    const ticket = `t${tickets++}`;
    const { taken, refusal } = take(this.taken, this.limits, { ticket, tokens, time });
    this.taken = taken;
    return refusal ?? ticket;
  }

  end(ticket: string, tokens: number, time: number) {
    this.taken = settle(this.taken, this.limits, { ticket, tokens, time });
  }
}

describe("limits", () => {
  test("requests a minute: so many at once, then one for each share of a minute", () => {
    const key = new Key({ rpm: 6 });
    for (let i = 0; i < 6; i++) expect(key.ask(NOON)).toBeNull();
    expect(key.ask(NOON)).toEqual({ limit: "6 requests a minute", retryMs: 10_000 });
    expect(key.ask(NOON + 9_000)).toMatchObject({ retryMs: 1000 });
    expect(key.ask(NOON + 10_000)).toBeNull();
    expect(key.ask(NOON + 10_000)).toMatchObject({ retryMs: 10_000 });
  });

  test("requests and tokens a day end at midnight, UTC", () => {
    const key = new Key({ rpd: 2, tpd: 100 });
    expect(key.ask(NOON, 60)).toBeNull();
    expect(key.ask(NOON, 60)).toEqual({ limit: "100 tokens a day", retryMs: 12 * 3600 * 1000 });
    expect(key.ask(NOON, 40)).toBeNull();
    expect(key.ask(NOON, 0)).toMatchObject({ limit: "2 requests a day" });
    expect(key.ask(NOON + 12 * 3600 * 1000, 60)).toBeNull();
  });

  test("an answer costs what it came to: what was taken too much comes back, what it cost more is owed", () => {
    const key = new Key({ tpm: 1000 });
    expect(key.ask(NOON, 900, 100)).toBeNull();
    expect(key.ask(NOON, 900, 2500)).toBeNull();
    // 2,600 were used: until 1,600 and what is asked for have run out, nothing passes.
    expect(key.ask(NOON, 10)).toMatchObject({ limit: "1000 tokens a minute", retryMs: 96_600 });
    expect(key.ask(NOON + 96_600, 10)).toBeNull();
  });

  test("a request that is larger than the limit passes where nothing else was taken", () => {
    const key = new Key({ tpm: 100, tpd: 100_000 });
    expect(key.ask(NOON, 5000, 50)).toBeNull();
    expect(key.ask(NOON, 5000, 50)).toMatchObject({ limit: "100 tokens a minute" });
  });

  test("answers at once; one whose end was lost is not counted for ever", () => {
    const key = new Key({ parallel: 2 });
    const first = key.begin(NOON) as string;
    key.begin(NOON);
    expect(key.begin(NOON)).toEqual({ limit: "2 answers at once", retryMs: 1000 });
    key.end(first, 1, NOON);
    expect(key.begin(NOON)).toBeTypeOf("string");
    expect(key.begin(NOON)).toMatchObject({ limit: "2 answers at once" });
    expect(key.begin(NOON + 31 * 60_000)).toBeTypeOf("string");
  });

  test("an end counts once", () => {
    const key = new Key({ tpd: 1000 });
    const ticket = key.begin(NOON, 100) as string;
    key.end(ticket, 30, NOON);
    key.end(ticket, 30, NOON);
    key.end("another", 500, NOON);
    expect(key.taken).toMatchObject({ dayTokens: 30, dayRequests: 1 });
  });

  test("whatever comes when, no minute sees more than twice its tokens, and over an hour it is the limit", () => {
    const request = fc.record({ wait: fc.integer({ min: 0, max: 20_000 }), tokens: fc.integer({ min: 1, max: 300 }) });
    fc.assert(
      fc.property(fc.array(request, { minLength: 50, maxLength: 300 }), (all) => {
        const key = new Key({ tpm: 1000 });
        const passed: { at: number; tokens: number }[] = [];
        let time = NOON;
        for (const { wait, tokens } of all) {
          time += wait;
          if (!key.ask(time, tokens)) passed.push({ at: time, tokens });
        }
        const within = (from: number, ms: number) =>
          passed.reduce((sum, { at, tokens }) => sum + (at >= from && at < from + ms ? tokens : 0), 0);
        for (const { at } of passed) expect(within(at, 60_000)).toBeLessThanOrEqual(2000);
        expect(within(NOON, time - NOON + 1)).toBeLessThanOrEqual(1000 * (1 + (time - NOON) / 60_000) + 1);
      }),
      { numRuns: 30, seed: 25 },
    );
  });
});

describe("headers", () => {
  test("are OpenAI's, of the minute or the day, whichever has less left", () => {
    const key = new Key({ rpm: 10, tpm: 1000, tpd: 1100 });
    key.ask(NOON, 400);
    expect(rateHeaders(key.taken, key.limits, NOON)).toEqual({
      "x-ratelimit-limit-requests": "10",
      "x-ratelimit-remaining-requests": "9",
      "x-ratelimit-reset-requests": "6s",
      "x-ratelimit-limit-tokens": "1000",
      "x-ratelimit-remaining-tokens": "600",
      "x-ratelimit-reset-tokens": "24s",
    });
    key.ask(NOON + 60_000, 600);
    expect(rateHeaders(key.taken, key.limits, NOON + 60_000)).toMatchObject({
      "x-ratelimit-limit-tokens": "1100",
      "x-ratelimit-remaining-tokens": "100",
      "x-ratelimit-reset-tokens": "11h59m0s",
    });
  });

  test("of what has no limit there are none", () => {
    expect(rateHeaders(EMPTY_BUCKETS, { parallel: 3, max: 10 }, NOON)).toEqual({});
  });

  test.each([
    [0, "0ms"],
    [12, "12ms"],
    [1500, "1.5s"],
    [360_000, "6m0s"],
    [59_999.5, "1m0s"],
    [86_399_000, "23h59m59s"],
  ])("%d ms are %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});
