/**
 * The promise of the whole project, over real sockets: the target alone decides. Whatever the drafter does, however
 * long the origin waits for it, and wherever the connection breaks, the tokens are those of decoding without a draft.
 * Hundreds of random generations without a network are in lossless-random.test.ts; here is what only sockets and time
 * do.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { CopyDrafter } from "../../src/core/draft/copy-drafter.ts";
import { GREEDY, type Sampling } from "../../src/core/speculate/types.ts";
import { type Fault, type FaultProxy, faultProxy } from "../support/fault-proxy.ts";
import { runGeneration } from "../support/generation.ts";
import { seeded } from "../support/random.ts";
import { drafters, reference, STOP, V } from "../support/scripted.ts";
import { type ScriptedOrigin, scriptedOrigin } from "../support/scripted-engine.ts";

let origin: ScriptedOrigin;
let proxy: FaultProxy;

beforeAll(async () => {
  origin = await scriptedOrigin();
  proxy = await faultProxy(origin.server.port);
});

afterEach(() => {
  // Nothing is at work and no two callers ever worked on one sequence at once.
  expect(origin.gateway.counts.live).toBe(0);
  expect(origin.engine.sequences).toBe(origin.gateway.counts.kept);
  expect(origin.gateway.counts.kept).toBeLessThanOrEqual(64);
  expect(origin.engine.mostAtOnce).toBe(1);
});

afterAll(async () => {
  await proxy.close();
  await origin.server.close();
  expect(origin.gateway.counts.connections).toBe(0);
  expect(origin.engine.sequences).toBe(0);
});

function promptOf(seed: number): number[] {
  const random = seeded(seed);
  return Array.from({ length: 3 + (seed % 20) }, () => 1 + Math.floor(random() * (V - 1)));
}

function samplingOf(seed: number): Sampling {
  if (seed % 3 === 0) return GREEDY;
  return { temperature: seed % 3 === 1 ? 0.8 : 1.3, topK: seed % 4 === 0 ? 12 : 0, topP: 0.95, minP: 0, seed };
}

const MAX_TOKENS = 40;

describe("the same tokens", () => {
  for (const patience of [0, 250]) {
    test(`with every kind of drafter, patience ${patience}, over 5 seeds greedy and sampled`, async () => {
      let kept = 0;
      let oraclePasses = 0;
      let nonePasses = 0;
      for (let seed = 0; seed < 5; seed++) {
        const prompt = promptOf(seed);
        const sampling = samplingOf(seed);
        const expected = reference(prompt, sampling, MAX_TOKENS, [STOP]);
        const cast = { ...drafters(sampling, seed), lookup: new CopyDrafter() };
        await Promise.all(
          Object.entries(cast).map(async ([name, drafter]) => {
            const outcome = await runGeneration({
              url: origin.url,
              prompt,
              sampling,
              drafter,
              patience: name === "none" ? 0 : patience,
              maxTokens: MAX_TOKENS,
            });
            const label = `${name}, seed ${seed}`;
            expect(outcome.tokens, label).toEqual(expected.tokens);
            expect(outcome.reason, label).toBe(expected.reason);
            expect(outcome.flags.filter(Boolean), label).toHaveLength(outcome.kept);
            expect(outcome.tokens.length - outcome.kept, label).toBeLessThanOrEqual(outcome.passes);
            if (!name.startsWith("throws")) expect(outcome.draftError, label).toBeUndefined();
            if (name === "throws at once") expect(outcome.draftError, label).toMatchObject({ message: "no memory" });
            kept += outcome.kept;
            if (name === "oracle") oraclePasses += outcome.passes;
            if (name === "none") nonePasses += outcome.passes;
            if (name !== "hangs") await outcome.idle();
          }),
        );
      }
      expect(kept).toBeGreaterThan(0);
      // Where the origin waits, a drafter that is always right saves most passes.
      if (patience > 0) expect(oraclePasses).toBeLessThan(nonePasses / 3);
    });
  }

  test("when the consumer takes them slowly", async () => {
    const prompt = promptOf(5);
    const sampling = samplingOf(5);
    const outcome = await runGeneration({
      url: origin.url,
      prompt,
      sampling,
      drafter: drafters(sampling, 5).noisy!,
      maxTokens: MAX_TOKENS,
      onStep: () => new Promise((resolve) => setTimeout(resolve, 7)),
    });
    expect(outcome.tokens).toEqual(reference(prompt, sampling, MAX_TOKENS, [STOP]).tokens);
  });

  test("in a second turn that keeps the first one's prefix, with another drafter", async () => {
    const sampling = samplingOf(4);
    const first = promptOf(4);
    const session = "two-turns";
    const turn = await runGeneration({
      url: origin.url,
      prompt: first,
      sampling,
      session,
      drafter: new CopyDrafter(),
    });
    const second = [...turn.timeline, 5, 6, 7];
    const { slices } = origin.engine;
    const kept = await runGeneration({
      url: origin.url,
      prompt: second,
      keep: turn.timeline.length,
      sampling,
      session,
    });
    expect(kept.tokens).toEqual(reference(second, sampling, 40, [STOP]).tokens);
    expect(origin.engine.slices).toBe(slices);
  });
});

describe("the same tokens, without gap or repetition", () => {
  for (const fault of ["cut", "close", "stall", "garble"] as Fault[]) {
    for (const patience of [0, 200]) {
      test(`when the connection suffers a ${fault} at any one frame of the origin, patience ${patience}`, async () => {
        // An origin that waits for drafts sends fewer frames for as many tokens.
        const maxTokens = patience > 0 ? 24 : 10;
        // Greedy that runs to the limit, and sampled that may stop.
        for (const seed of [3, 7]) {
          const prompt = promptOf(seed);
          const sampling = samplingOf(seed);
          const expected = reference(prompt, sampling, maxTokens, [STOP]);
          const url = `ws://127.0.0.1:${proxy.port}/v1/verify`;
          const ask = { url, prompt, sampling, patience, maxTokens };
          const began = performance.now();
          proxy.plan(fault, 1e9);
          await runGeneration({ ...ask, drafter: drafters(sampling, 0).noisy! });
          // Longer than an origin that is well is ever silent, on this machine as it is now.
          const silenceMs = 150 + 2 * (performance.now() - began);
          let broken = 0;
          for (let frame = 0; ; frame++) {
            const before = { frames: proxy.frames, connections: proxy.connections };
            proxy.plan(fault, frame);
            const drafter = drafters(sampling, frame).noisy!;
            const outcome = await runGeneration({ ...ask, drafter, silenceMs });
            const label = `seed ${seed}, frame ${frame}`;
            expect(outcome.tokens, label).toEqual(expected.tokens);
            expect(outcome.reason, label).toBe(expected.reason);
            if (proxy.connections > before.connections + 1) broken++;
            if (proxy.frames - before.frames <= frame) break; // the answer was over before the fault
          }
          expect(broken).toBeGreaterThan(3);
        }
      });
    }
  }

  test("when the connection breaks at every frame", async () => {
    const sampling = samplingOf(8);
    const prompt = promptOf(8);
    proxy.plan("close", 0, 1000);
    const outcome = await runGeneration({
      url: `ws://127.0.0.1:${proxy.port}/v1/verify`,
      prompt,
      sampling,
      drafter: drafters(sampling, 8).oracle!,
      maxTokens: 12,
    });
    proxy.plan("close", 1e9);
    expect(outcome.tokens).toEqual(reference(prompt, sampling, 12, [STOP]).tokens);
  });

  test("when the origin restarts in the middle and has forgotten the session", async () => {
    const sampling = samplingOf(9);
    const prompt = promptOf(9);
    let current = await scriptedOrigin();
    const moving = await faultProxy(current.server.port);
    const { port } = current.server;
    const restarted = { done: false };
    const outcome = await runGeneration({
      url: `ws://127.0.0.1:${moving.port}/v1/verify`,
      prompt,
      sampling,
      drafter: drafters(sampling, 9).noisy!,
      maxTokens: 30,
      retryMs: [5, 20, 100, 300],
      onStep: async (tokens) => {
        if (tokens < 8 || restarted.done) return;
        restarted.done = true;
        await current.server.close();
        current = await scriptedOrigin({}, port);
      },
    });
    expect(restarted.done).toBe(true);
    expect(outcome.tokens).toEqual(reference(prompt, sampling, 30, [STOP]).tokens);
    await moving.close();
    await current.server.close();
  });
});
