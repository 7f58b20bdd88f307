/** A plan against the closed form where there is one (Leviathan, Kalman, Matias 2023, §3.1), and in its limits. */
import { describe, expect, test } from "vitest";
import { costOf } from "../../src/core/speculate/pass-cost.ts";
import { PASS_COSTS } from "../../src/origin/pass-costs.ts";
import { plan } from "../../src/tools/evaluate/plan.ts";

const MAX_DRAFT = 8;
const passes = (T: number, costs: keyof typeof PASS_COSTS) =>
  Array.from({ length: MAX_DRAFT + 1 }, (_, K) => T * costOf(PASS_COSTS[costs], K + 1));

const circumstances = (T: number, roundTripMs: number, costs: keyof typeof PASS_COSTS, acceptance: number) => ({
  costs: { roundTripMs, draftStepMs: 2.5, passMs: passes(T, costs), hindrance: 1 },
  acceptanceByDepth: [acceptance],
  maxDraft: MAX_DRAFT,
});

describe("waiting for drafts, the drafter idle meanwhile, decides 1 + a + … + a^K tokens in R + K·t + T(K + 1)", () => {
  for (const costs of ["gemm16", "llamacpp4", "metal"] as const) {
    test.each([
      [50, 5],
      [25, 20],
    ])(`${costs}: T %i, R %i`, (T, R) => {
      const given = circumstances(T, R, costs, 0.6);
      const { waitsWithoutBets, none } = plan(given);
      const rates = [1, 2, 3, 4, 5, 6, 8].map((K) => {
        const tokens = (1 - 0.6 ** (K + 1)) / (1 - 0.6);
        return { K, rate: tokens / (R + K * 2.5 + given.costs.passMs[K]!) };
      });
      const best = rates.reduce((one, other) => (other.rate > one.rate ? other : one));
      expect(none).toBeCloseTo(1000 / T, 9);
      // A draft step has a small price of its own, so a length beside the best may be chosen.
      expect(waitsWithoutBets.tokensPerSecond).toBeLessThanOrEqual(1000 * best.rate * (1 + 1e-9));
      expect(waitsWithoutBets.tokensPerSecond).toBeGreaterThan(0.98 * 1000 * best.rate);
      const { rate } = rates.find(({ K }) => K === waitsWithoutBets.first)!;
      expect(waitsWithoutBets.tokensPerSecond).toBeCloseTo(1000 * rate, 6);
      expect(waitsWithoutBets.vsNone).toBeCloseTo(rate * T, 6);
    });
  }
});

test("gains on the closed form where a pass scores less than a far drafter sends, and the next pass the rest", () => {
  const given = circumstances(100, 100, "llamacpp4", 0.6);
  const rates = [1, 2, 3, 4, 5, 6, 8].map((K) => (1 - 0.6 ** (K + 1)) / 0.4 / (100 + K * 2.5 + given.costs.passMs[K]!));
  expect(plan(given).waitsWithoutBets.tokensPerSecond).toBeGreaterThan(1000 * Math.max(...rates));
});

test("advises no drafts where nothing is ever kept, or the origin is too far away", () => {
  expect(plan(circumstances(25, 5, "gemm16", 0.001)).best).toBe("none");
  expect(plan(circumstances(8, 400, "gemm16", 0.6)).best).toBe("none");
  expect(plan(circumstances(50, 5, "gemm16", 0.6)).best).toBe("waits");
});

test("waits up to the round trip at which not waiting becomes faster", () => {
  const { breakEvenRoundTripMs: even } = plan(circumstances(50, 5, "gemm16", 0.6));
  expect(even).toBeGreaterThan(5);
  const [near, far] = [0.9 * even, 1.1 * even].map((R) => plan(circumstances(50, R, "gemm16", 0.6)));
  expect(near!.waits.vsNone).toBeGreaterThan(near!.streams.vsNone);
  expect(far!.waits.vsNone).toBeLessThan(far!.streams.vsNone);
});
