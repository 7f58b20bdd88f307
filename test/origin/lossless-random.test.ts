/**
 * The promise of lossless.test.ts as a property: any prompt, sampling, drafter and break of the connection; edge and
 * origin with the wire between them, without a network. A counterexample is shrunk to the fewest tokens and breaks that
 * show it.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { chooseToken, tokenLogprob } from "../../src/core/speculate/sample.ts";
import type { Sampling } from "../../src/core/speculate/types.ts";
import { DEFAULT_LIMITS, Gateway } from "../../src/origin/gateway.ts";
import { runGeneration } from "../support/generation.ts";
import { GuessDrafter, reference, STOP, scriptedRow, V } from "../support/scripted.ts";
import { ScriptedEngine } from "../support/scripted-engine.ts";
import { type Asked, askedShaping, shapedRow } from "../support/shaped.ts";
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
function drafterOf(
  first: readonly Guess[],
  beside: readonly Guess[],
  sampling: Sampling,
  asked: Asked,
  from: number,
): GuessDrafter {
  const going = (list: readonly Guess[]) => (timeline: readonly number[], call: number) => {
    const next = list[call % list.length]!;
    if (next === "own") {
      return chooseToken(shapedRow(asked, scriptedRow(timeline), timeline, from), sampling, timeline.length);
    }
    return next === "nothing" ? null : next;
  };
  return new GuessDrafter(going(first), 0, [going(beside)]);
}

const breaks: fc.Arbitrary<Break[]> = fc.array(
  fc.record({ frame: fc.nat(5), fault: fc.constantFrom("cut", "close", "garble") }),
  { maxLength: 4 },
);

const generation = fc.record({
  prompt: fc.array(fc.integer({ min: 1, max: V - 1 }), { minLength: 1, maxLength: 20 }),
  sampling,
  asked: askedShaping,
  logprobs: fc.option(fc.nat(5), { nil: undefined }),
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
    fc.asyncProperty(generation, async (asks) => {
      const { prompt, sampling, asked, logprobs, first, beside, patience, maxTokens, breaks } = asks;
      let dials = 0;
      const outcome = await runGeneration({
        connect: async () => socketTo(gateway, breaks[dials++]),
        ...{ prompt, sampling, patience, maxTokens },
        shaping: { from: prompt.length, ...asked },
        ...(logprobs !== undefined && { logprobs }),
        drafter: drafterOf(first, beside, sampling, asked, prompt.length),
        retryMs: breaks.map(() => 0),
      });
      const shape = (row: Float32Array, before: readonly number[]) => shapedRow(asked, row, before, prompt.length);
      const expected = reference(prompt, sampling, maxTokens, [STOP], shape);
      expect(outcome.tokens).toEqual(expected.tokens);
      expect(outcome.reason).toBe(expected.reason);
      expect(outcome.timeline).toEqual([...prompt, ...expected.tokens]);
      expect(outcome.flags.filter(Boolean)).toHaveLength(outcome.kept);
      // They are the model's own, before any shaping.
      const told = expected.tokens.map((id, i) =>
        tokenLogprob(scriptedRow(outcome.timeline.slice(0, prompt.length + i)), id, logprobs ?? 0),
      );
      expect(outcome.logprobs).toEqual(logprobs === undefined ? [] : told);
      await outcome.idle();
      totals.kept += outcome.kept;
      totals.broken += dials - 1;
    }),
    { numRuns: 1000 },
  );
  expect(gateway.counts.live).toBe(0);
  expect(engine.mostAtOnce).toBe(1);
  // Drafts were kept and sockets broken in many of them.
  expect(totals.kept).toBeGreaterThan(400);
  expect(totals.broken).toBeGreaterThan(200);
});
