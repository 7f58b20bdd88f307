/** A prompt that takes minutes to read: the edge hears that the origin is at it, and does not give it up. */
import { expect, test } from "vitest";
import { DEFAULT_LIMITS, Gateway } from "../../src/origin/gateway.ts";
import { GREEDY } from "../../src/speculate/types.ts";
import { VerifyClient } from "../../src/verify/client.ts";
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
