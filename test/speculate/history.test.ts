import { describe, expect, test } from "vitest";
import { History } from "../../src/core/speculate/history.ts";
import { costOf } from "../../src/core/speculate/pass-cost.ts";
import { PASS_COSTS } from "../../src/origin/pass-costs.ts";
import { evenCosts } from "../support/costs.ts";
import { normal, seeded } from "../support/random.ts";

test("round trip, draft step and passes are learned from noisy verdicts, far from the first guess", () => {
  const history = new History(evenCosts(10, 2, 10, 0.2));
  const random = seeded(8);
  for (let i = 0; i < 400; i++) {
    const K = Math.floor(random() * 9);
    const hiccup = i % 50 === 49 ? 5000 : 0;
    history.arrived(K, 120 + 9 * K + normal(random) + hiccup);
    history.stepped(K, 60 + 4 * K + normal(random));
  }
  const { roundTripMs, draftStepMs, passMs } = history.costs;
  expect(roundTripMs).toBeGreaterThan(100);
  expect(roundTripMs).toBeLessThan(150);
  expect(draftStepMs).toBeGreaterThan(6);
  expect(draftStepMs).toBeLessThan(13);
  for (const K of [0, 4, 8]) expect(passMs[K]! / (60 + 4 * K)).toBeCloseTo(1, 1);
});

test("no cost is ever negative, and all stay defined when every draft has one length", () => {
  const history = new History();
  for (let i = 0; i < 300; i++) history.arrived(4, i % 2 === 0 ? 0 : 1);
  for (let i = 0; i < 300; i++) history.stepped(i % 2, i % 2 === 0 ? 50 : 10);
  const { roundTripMs, draftStepMs, passMs } = history.costs;
  for (const cost of [roundTripMs, draftStepMs, ...passMs]) expect(cost).toBeGreaterThanOrEqual(0);
  expect(passMs.every((ms, i) => i === 0 || ms >= passMs[i - 1]!)).toBe(true);
  expect(roundTripMs + 4 * draftStepMs).toBeLessThan(4);
});

describe("what a pass costs by its positions", () => {
  test.each(Object.keys(PASS_COSTS) as (keyof typeof PASS_COSTS)[])("is learned without any guess: %s", (name) => {
    const history = new History();
    const random = seeded(3);
    const truth = (drafted: number) => 40 * costOf(PASS_COSTS[name], drafted + 1);
    // Lengths that a window sends, and a hiccup now and then.
    for (let i = 0; i < 300; i++) {
      const drafted = [0, 1, 2, 3, 5, 7, 15][Math.floor(random() * 7)]!;
      history.stepped(drafted, truth(drafted) * (1 + 0.05 * normal(random)) + (i % 40 === 39 ? 1000 : 0));
    }
    const { passMs } = history.costs;
    // Those in between were never seen.
    for (const drafted of [0, 1, 2, 3, 4, 5, 6, 7, 9, 12, 15]) {
      expect(passMs[drafted]! / truth(drafted), `${drafted} draft tokens`).toBeGreaterThan(0.88);
      expect(passMs[drafted]! / truth(drafted), `${drafted} draft tokens`).toBeLessThan(1.14);
    }
  });

  test("is what the engine says, until it is measured; the time of one position is measured at once", () => {
    const history = new History();
    history.expect(PASS_COSTS.llamacpp4);
    for (let i = 0; i < 10; i++) history.stepped(0, 80);
    const { passMs } = history.costs;
    for (const drafted of [0, 2, 7, 15]) {
      expect(passMs[drafted]! / (80 * costOf(PASS_COSTS.llamacpp4, drafted + 1))).toBeCloseTo(1, 1);
    }
    for (let i = 0; i < 20; i++) history.stepped(7, 100);
    expect(history.costs.passMs[7]! / 100).toBeCloseTo(1, 1);
    history.expect(PASS_COSTS.cpu);
    expect(history.costs.passMs[7]! / 100).toBeCloseTo(1, 1);
  });

  test("follows a machine that slows down, at numbers of positions too that are not seen again", () => {
    const history = new History(evenCosts(5, 2, 20, 2));
    for (let i = 0; i < 100; i++) history.stepped(i % 8, 20 + 2 * (i % 8));
    for (let i = 0; i < 150; i++) history.stepped(0, 40);
    expect(history.costs.passMs[0]! / 40).toBeCloseTo(1, 1);
    expect(history.costs.passMs[6]!).toBeGreaterThan(0.85 * 64);
    expect(history.costs.passMs[6]!).toBeLessThan(1.1 * 64);
  });

  test("is told from what the drafter at work adds", () => {
    const random = seeded(5);
    for (const factor of [1, 1.4]) {
      const history = new History();
      for (let i = 0; i < 300; i++) {
        const works = random() < 0.5;
        const drafted = works ? Math.floor(random() * 4) : 0;
        history.stepped(drafted, (works ? factor : 1) * (20 + 3 * drafted) * (1 + 0.05 * normal(random)), works);
      }
      const { hindrance, passMs } = history.costs;
      expect(hindrance / factor).toBeGreaterThan(0.9);
      expect(hindrance / factor).toBeLessThan(1.1);
      expect(passMs[0]! / 20).toBeCloseTo(1, 1);
    }
  });
});

describe("acceptance", () => {
  test("finds out a drafter that overrates itself, by bucket of confidence", () => {
    const history = new History();
    expect(history.acceptance(0.95)).toBeCloseTo(0.95);
    for (let i = 0; i < 200; i++) {
      history.outcome(0.95, i % 2 === 0);
      history.outcome(0.25, false);
    }
    expect(history.acceptance(0.97)).toBeGreaterThan(0.45);
    expect(history.acceptance(0.97)).toBeLessThan(0.6);
    expect(history.acceptance(0.22)).toBeLessThan(0.05);
    expect(history.acceptance(0.65)).toBeCloseTo(0.65);
    expect(history.acceptance(1)).toBe(history.acceptance(0.95));
  });

  test("is counted by how many tokens before were right", () => {
    const history = new History();
    for (let i = 0; i < 400; i++) history.outcome(0.7, i % 2 === 0, 0);
    for (let i = 0; i < 400; i++) history.outcome(0.7, i % 10 > 0, 12);
    const byDepth = history.acceptanceByDepth;
    // The mean is 0.9 by now, and counts a little.
    expect(byDepth[0]).toBeLessThan(0.62);
    expect(byDepth.at(-1)).toBeCloseTo(0.9, 1);
  });
});
