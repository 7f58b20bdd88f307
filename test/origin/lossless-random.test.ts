/**
 * The promise of lossless.test.ts as a property: any prompt, sampling, drafter and break of the connection; edge and
 * origin with the wire between them, without a network. A counterexample is shrunk to the fewest tokens and breaks that
 * show it.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFAULT_LIMITS, Gateway } from "../../src/origin/gateway.ts";
import { chooseToken } from "../../src/speculate/sample.ts";
import type { Sampling } from "../../src/speculate/types.ts";
import { runGeneration } from "../support/generation.ts";
import { GuessDrafter, reference, STOP, scriptedRow, V } from "../support/scripted.ts";
import { ScriptedEngine } from "../support/scripted-engine.ts";
import { type Break, socketTo } from "../support/socket-pair.ts";

const sampling: fc.Arbitrary<Sampling> = fc.record({
  temperature: fc.constantFrom(0, 0.7, 1, 1.5),
  topK: fc.constantFrom(0, 3, 12),
  topP: fc.constantFrom(1, 0.9),
  minP: fc.constantFrom(0, 0.05),
  seed: fc.integer({ min: 0, max: 0xffffffff }),
});

/** What a drafter proposes next: the target's own token, nothing, or any number, also one that is no token. */
const guess = fc.oneof(
  { weight: 4, arbitrary: fc.constant("own" as const) },
  { weight: 1, arbitrary: fc.constant("nothing" as const) },
  { weight: 2, arbitrary: fc.integer({ min: -1, max: V }) },
);
const guesses = fc.array(guess, { minLength: 1, maxLength: 20 });

type Guess = "own" | "nothing" | number;

/** A drafter that goes through its guesses again and again, and another list of them beside. */
function drafterOf(first: readonly Guess[], beside: readonly Guess[], sampling: Sampling): GuessDrafter {
  const from = (list: readonly Guess[]) => (timeline: readonly number[], call: number) => {
    const next = list[call % list.length]!;
    if (next === "own") return chooseToken(scriptedRow(timeline), sampling, timeline.length);
    return next === "nothing" ? null : next;
  };
  return new GuessDrafter(from(first), 0, [from(beside)]);
}

const breaks: fc.Arbitrary<Break[]> = fc.array(
  fc.record({ frame: fc.nat(5), fault: fc.constantFrom("cut", "close", "garble") }),
  { maxLength: 4 },
);

const generation = fc.record({
  prompt: fc.array(fc.integer({ min: 1, max: V - 1 }), { minLength: 1, maxLength: 20 }),
  sampling,
  first: guesses,
  beside: guesses,
  patience: fc.constantFrom(0, 20),
  maxTokens: fc.integer({ min: 1, max: 24 }),
  breaks,
});

test("the tokens are those of the target alone", async () => {
  const engine = new ScriptedEngine();
  const gateway = new Gateway(engine, { ...DEFAULT_LIMITS, token: null, now: () => performance.now() });
  const totals = { kept: 0, broken: 0 };
  await fc.assert(
    fc.asyncProperty(generation, async ({ prompt, sampling, first, beside, patience, maxTokens, breaks }) => {
      let dials = 0;
      const outcome = await runGeneration({
        connect: async () => socketTo(gateway, breaks[dials++]),
        ...{ prompt, sampling, patience, maxTokens },
        drafter: drafterOf(first, beside, sampling),
        retryMs: breaks.map(() => 0),
      });
      const expected = reference(prompt, sampling, maxTokens, [STOP]);
      expect(outcome.tokens).toEqual(expected.tokens);
      expect(outcome.reason).toBe(expected.reason);
      expect(outcome.timeline).toEqual([...prompt, ...expected.tokens]);
      expect(outcome.flags.filter(Boolean)).toHaveLength(outcome.kept);
      await outcome.idle();
      totals.kept += outcome.kept;
      totals.broken += dials - 1;
    }),
    { numRuns: 400 },
  );
  expect(gateway.counts.live).toBe(0);
  expect(engine.mostAtOnce).toBe(1);
  // Drafts were kept and sockets broken in many of them.
  expect(totals.kept).toBeGreaterThan(400);
  expect(totals.broken).toBeGreaterThan(200);
});
