/** A prompt that takes minutes to read: the edge hears that the origin is at it, and does not give it up. */
import { expect, test, vi } from "vitest";
import { GREEDY } from "../../src/core/speculate/types.ts";
import { VerifyClient } from "../../src/core/verify/client.ts";
import { encodeFrame, PROTOCOL_VERSION } from "../../src/core/verify/protocol.ts";
import { Connection } from "../../src/origin/connection.ts";
import type { EngineSequence } from "../../src/origin/engine.ts";
import { DEFAULT_LIMITS, Gateway } from "../../src/origin/gateway.ts";
import { reference, V } from "../support/scripted.ts";
import { ScriptedEngine } from "../support/scripted-engine.ts";
import { socketTo } from "../support/socket-pair.ts";
import { virtually } from "../support/virtual-time.ts";

const PROMPT = Array.from({ length: 100 }, (_, n) => 1 + (n % (V - 1)));

test.each([
  ["slices of 12 s each: longer than the deadline together", 12_000],
  ["slices of 40 s each: each longer than the silence of a lost socket", 40_000],
])("%s", async (_, stepMs) => {
  const { tokens, dials, clock, slices } = await virtually(async (now) => {
    const engine = Object.assign(new ScriptedEngine(), { stepMs });
    const gateway = new Gateway(engine, { ...DEFAULT_LIMITS, token: null, now });
    let dials = 0;
    const client = new VerifyClient({
      way: {
        connect: async () => {
          dials++;
          return socketTo(gateway);
        },
      },
      open: {
        ...{ model: "scripted", vocabulary: "scripted-vocabulary", session: "s", sampling: GREEDY, stop: [] },
        ...{ rule: { kind: "exact" }, patience: 0 },
      },
      timeline: PROMPT,
      keep: 0,
      vocabularySize: V,
      maxTokens: 2,
    });
    const tokens: number[] = [];
    for (let step = await client.next(); "tokens" in step; step = await client.next()) tokens.push(...step.tokens);
    return { tokens, dials, clock: now(), slices: engine.slices };
  });
  expect(tokens).toEqual(reference(PROMPT, GREEDY, 2, []).tokens);
  expect(dials).toBe(1);
  expect(slices).toBe(12);
  expect(clock).toBeGreaterThan(12 * stepMs);
});

/** Never ends a prompt's first slice. */
class SilentEngine extends ScriptedEngine {
  override open(): EngineSequence {
    return Object.assign(super.open(), { prefill: () => new Promise<never>(() => {}) });
  }
}

test("a socket that is gone is told nothing, even where its engine never answers", async () => {
  vi.useFakeTimers();
  try {
    const gateway = new Gateway(new SilentEngine(), { ...DEFAULT_LIMITS, token: null, now: () => 0 });
    const told: string[] = [];
    const connection = new Connection({ send: (text) => void told.push(text), close: () => {} }, gateway);
    connection.receive(
      encodeFrame({
        ...{ type: "open", version: PROTOCOL_VERSION, model: "scripted", vocabulary: "scripted-vocabulary" },
        ...{ session: "s", keep: 0, keepHash: "", prompt: PROMPT, maxTokens: 2, patience: 0 },
        ...{ rule: { kind: "exact" }, sampling: GREEDY, stop: [] },
      }),
    );
    await vi.advanceTimersByTimeAsync(11_000);
    expect(told).toEqual([expect.stringContaining('"working"'), expect.stringContaining('"working"')]);
    const timers = vi.getTimerCount();
    connection.closed();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(told).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(timers - 1);
  } finally {
    vi.useRealTimers();
  }
});
