/**
 * Drafting ahead of verdicts, in time of its own: what rates.ts predicts against a simulation that shares no code with
 * it, and what the real round, window and generation come to behind a made-up network, target and draft model.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { History } from "../../src/core/speculate/history.ts";
import { costOf } from "../../src/core/speculate/pass-cost.ts";
import { bestWay, outlook, type Way } from "../../src/core/speculate/rates.ts";
import type { Drafter } from "../../src/core/speculate/types.ts";
import type { WindowPolicy } from "../../src/core/speculate/window.ts";
import { PASS_COSTS } from "../../src/origin/pass-costs.ts";
import { costsOf } from "../support/costs.ts";
import { run } from "../support/race.ts";
import { seeded } from "../support/random.ts";
import { live, truthOf, type World } from "../support/world.ts";

type Class = keyof typeof PASS_COSTS;
const CLASSES = ["gemm16", "llamacpp4", "cpu"] as const;

describe("what a way promises", () => {
  // Behind several right tokens the next is more often right.
  const acceptanceByDepth = [0.55, 0.65, 0.7, 0.75, 0.8];

  test("is what a simulation of edge, network and origin comes to", () => {
    for (const targetMs of [12, 50]) {
      for (const roundTripMs of [1, 20, 100]) {
        const costs = costsOf(roundTripMs, 2.5, targetMs, PASS_COSTS.gemm16);
        const ways: Way[] = [0, 1, 4].map((first) => ({ first, ahead: 15 }));
        for (const way of [...ways, { first: 4, ahead: 4 }]) {
          const { tokens, ms } = outlook(way, { costs, acceptanceByDepth }, 0, 15);
          const random = seeded(7);
          const simulated = run(
            {
              ...{ roundTripMs, draftStepMs: 2.5, passMs: (drafted) => costs.passMs[drafted]! },
              right: (n) => random() < acceptanceByDepth[Math.min(n, acceptanceByDepth.length) - 1]!,
            },
            { ...way, most: 15 },
            1500,
          );
          const ratio = tokens / ms / (simulated.tokens / simulated.ms);
          expect(ratio, JSON.stringify({ targetMs, roundTripMs, way })).toBeGreaterThan(0.87);
          expect(ratio, JSON.stringify({ targetMs, roundTripMs, way })).toBeLessThan(1.1);
        }
      }
    }
  });

  test("is never less than what the origin does alone, beyond the price of steps, where it need not wait", () => {
    for (const name of CLASSES) {
      for (const targetMs of [8, 30, 100]) {
        for (const roundTripMs of [0, 20, 200]) {
          const costs = costsOf(roundTripMs, 2.5, targetMs, PASS_COSTS[name]);
          const { tokens, ms } = outlook({ first: 0, ahead: 15 }, { costs, acceptanceByDepth }, 1 / targetMs, 31);
          expect(tokens / ms, JSON.stringify({ name, targetMs, roundTripMs })).toBeGreaterThan(0.995 / targetMs);
        }
      }
    }
  });

  test("of the best way with bets is 1.1 times that without, where way and pass take as long as the draft", () => {
    const gains: number[] = [];
    for (const targetMs of [12, 25, 50]) {
      for (const roundTripMs of [1, 5, 20, 50]) {
        const seen = { costs: costsOf(roundTripMs, 2.5, targetMs, PASS_COSTS.gemm16), acceptanceByDepth };
        const without = bestWay(seen, 31, false, true);
        if (roundTripMs + targetMs < without.first * 2.5) continue;
        gains.push(bestWay(seen, 31).rate / without.rate);
      }
    }
    expect(gains.length).toBeGreaterThan(9);
    expect(Math.min(...gains)).toBeGreaterThan(1.08);
    expect(gains.reduce((sum, gain) => sum + gain, 0) / gains.length).toBeGreaterThan(1.1);
  });
});

const TIME: WindowPolicy = { maxDraft: 31, patience: "auto", spare: "time" };
const GOOD = [0.97, 0.9, 0.6, 0.4];
const POOR = [0.7, 0.3, 0.2, 0.1];

const worldOf = (name: Class, targetMs: number, roundTripMs: number, more: Partial<World> = {}): World => ({
  ...{ roundTripMs, draftStepMs: 2.5, confidences: GOOD, tokens: 160, jitter: 0.05 },
  ...{ passMs: (drafted: number) => targetMs * costOf(PASS_COSTS[name], drafted + 1), passCost: PASS_COSTS[name] },
  ...more,
});

describe("a Session that knows nothing yet and prefers time", () => {
  test.each([
    ["a good draft", GOOD],
    ["a poor one", POOR],
  ])("is never slower than 0.97 of no drafts: %s", async (_, confidences) => {
    for (const name of CLASSES) {
      for (const targetMs of [8, 40, 100]) {
        for (const roundTripMs of [0, 30, 200]) {
          const world = worldOf(name, targetMs, roundTripMs, { confidences });
          const [drafted, alone] = [await live(world, TIME, new History()), await live(world, null, new History())];
          expect(drafted.perMs / alone.perMs, JSON.stringify({ name, targetMs, roundTripMs })).toBeGreaterThan(0.97);
        }
      }
    }
  });

  test("does what is faster, waiting or not, and better than ever in between", async () => {
    for (const [roundTripMs, targetMs, least] of [
      [5, 50, 1.8],
      [5, 25, 1.6],
      [20, 25, 1.4],
      [50, 25, 1.2],
    ] as const) {
      const world = worldOf("gemm16", targetMs, roundTripMs, { tokens: 300 });
      const told = await live(world, TIME, new History());
      expect(told.perMs * targetMs, JSON.stringify({ roundTripMs, targetMs })).toBeGreaterThan(least);
      for (const patience of [0, 2000]) {
        const fixed = await live(world, { ...TIME, patience }, new History());
        expect(told.perMs, JSON.stringify({ roundTripMs, targetMs, patience })).toBeGreaterThan(0.93 * fixed.perMs);
      }
    }
  });

  test.each([true, false])("learns way and step from copies where nothing else is drafted: %s", async (copiesAlone) => {
    const copying = (drafter: Drafter): Drafter => ({
      copiesAlone,
      sync: (timeline) => drafter.sync(timeline),
      propose: async (...asked) =>
        (await drafter.propose(...asked)).map((token) => ({ ...token, source: "lookup" as const })),
    });
    const history = new History();
    const { roundTripMs: guessed } = history.costs;
    await live(worldOf("gemm16", 50, 5, { spoil: copying }), TIME, history);
    const { roundTripMs } = history.costs;
    if (copiesAlone) expect(Math.abs(roundTripMs - 5)).toBeLessThan(4);
    else expect(roundTripMs).toBe(guessed);
  });

  test("has its first token no later than without drafts, however long the drafter reads", async () => {
    for (const policy of [TIME, { ...TIME, spare: "passes" }, { ...TIME, patience: 2000 }] as const) {
      const world = worldOf("gemm16", 25, 20, { readMs: 3000, tokens: 20, jitter: 0 });
      const [drafted, alone] = [await live(world, policy, new History()), await live(world, null, new History())];
      expect(drafted.firstMs).toBe(alone.firstMs);
    }
  });
});

test("a Session that spares passes needs no more of them with bets, and less time", async () => {
  const world = worldOf("gemm16", 25, 20, { tokens: 400, siblings: true });
  const passes = { maxDraft: 8, patience: 2000, spare: "passes" } as const;
  const [bets, not] = [
    await live(world, passes, new History()),
    await live(world, { ...passes, bets: false }, new History()),
  ];
  expect(bets.passes).toBeLessThan(1.03 * not.passes);
  expect(bets.perMs).toBeGreaterThan(1.02 * not.perMs);
  expect(bets.thrown).toBeGreaterThan(not.thrown);
});

/** A draft model that fails in its own way from its n-th call on. */
const spoilt =
  (how: "dies" | "hangs" | "lies" | "is late" | "works", from: number) =>
  (drafter: Drafter): Drafter => {
    let calls = 0;
    return {
      async sync(timeline) {
        await drafter.sync(timeline);
        if (++calls < from) return;
        if (how === "dies") throw new Error("trap");
        if (how === "hangs") await new Promise(() => {});
        if (how === "is late") await new Promise((resolve) => setTimeout(resolve, 70));
      },
      async propose(max, more, others) {
        const proposed = await drafter.propose(max, more, others);
        if (how !== "lies" || calls < from) return proposed;
        return proposed.map((token) => ({ ...token, id: (token.id + calls) % 997, confidence: 0.99 }));
      },
    };
  };

test("the tokens are those of the target alone, whatever becomes of drafter and drafts while a bet is out", async () => {
  const totals = { kept: 0, thrown: 0, failed: 0 };
  const world = fc.record({
    roundTripMs: fc.constantFrom(0, 3, 40),
    draftStepMs: fc.constantFrom(0, 1, 9),
    targetMs: fc.constantFrom(1, 10, 60),
    name: fc.constantFrom<Class>("gemm16", "llamacpp4", "cpu"),
    honesty: fc.constantFrom(1, 0.8, 0.2),
    siblings: fc.boolean(),
    loses: fc.constantFrom(0, 0, 0.3),
    jitter: fc.constantFrom(0, 0.5),
    tokens: fc.integer({ min: 1, max: 24 }),
    seed: fc.integer({ min: 1, max: 1e9 }),
    how: fc.constantFrom("works", "works", "dies", "hangs", "lies", "is late"),
    from: fc.integer({ min: 1, max: 9 }),
    patience: fc.constantFrom("auto", 0, 50),
    spare: fc.constantFrom("time", "passes", "auto"),
    bets: fc.constantFrom(true, true, false),
    maxDraft: fc.constantFrom(1, 4, 31),
  });
  await fc.assert(
    fc.asyncProperty(world, async ({ name, targetMs, how, from, patience, spare, bets, maxDraft, ...rest }) => {
      const lived = worldOf(name, targetMs, rest.roundTripMs, { ...rest, spoil: spoilt(how as never, from) });
      const history = new History();
      history.load = rest.seed % 2;
      const told = await live(lived, { patience, spare, bets, maxDraft } as WindowPolicy, history);
      expect(told.text.slice(3)).toEqual(truthOf(lived).slice(3, 3 + rest.tokens));
      expect(told.thrown).toBeGreaterThanOrEqual(0);
      expect(told.kept).toBeLessThanOrEqual(told.verified);
      expect(told.judged).toBe(told.verified);
      totals.kept += told.kept;
      totals.thrown += told.thrown;
      if (told.draftError !== undefined) totals.failed++;
    }),
    { numRuns: 2000 },
  );
  // Drafts were kept, bets lost, and drafters died in many of them.
  expect(totals.kept).toBeGreaterThan(1500);
  expect(totals.thrown).toBeGreaterThan(3000);
  expect(totals.failed).toBeGreaterThan(100);
});
