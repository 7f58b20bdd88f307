import { describe, expect, test } from "vitest";
import { type Costs, History } from "../../src/speculate/history.ts";
import { breakEvenRoundTrip, choosePatience } from "../../src/speculate/patience.ts";
import { bestWaiting, streamed } from "../../src/speculate/rates.ts";
import { Window, type WindowPolicy } from "../../src/speculate/window.ts";
import { normal, seeded } from "../support/random.ts";

const WAITING: WindowPolicy = { maxDraft: 15, fallback: 0, patience: 1000, spare: "time" };

/** A history that has seen so many outcomes of one confidence that its acceptance there, and on average, is `a`. */
function taught(costs: Costs, a: number, confidence = 0.5): History {
  const history = new History(costs);
  for (let i = 0; i < 4000; i++) history.outcome(confidence, Math.floor((i + 1) * a) > Math.floor(i * a));
  return history;
}

const cases: { costs: Costs; a: number }[] = [];
for (const roundTripMs of [0, 5, 50]) {
  for (const targetStepMs of [8, 40]) {
    for (const draftStepMs of [1, 6]) {
      for (const a of [0.4, 0.6, 0.75, 0.9]) {
        cases.push({ costs: { roundTripMs, draftStepMs, targetStepMs, positionMs: 1 }, a });
      }
    }
  }
}

/**
 * Tokens per ms of a fixed draft length K by the formulas of research on edge drafting: E(K) = (1 − a^(K+1)) / (1 − a).
 */
function waitingRate({ roundTripMs, draftStepMs, targetStepMs, positionMs }: Costs, a: number, K: number): number {
  return (1 - a ** (K + 1)) / (1 - a) / (roundTripMs + K * draftStepMs + targetStepMs + K * positionMs);
}

const sure = (...confidences: number[]) => confidences.map((confidence) => ({ confidence }));

/** The length a plan leads to when every token has the same confidence. */
function plannedLength(window: Window, confidence: number): number {
  const plan = window.plan();
  let length = Math.min(1, plan.max);
  while (length < plan.max && plan.more({ confidence })) length++;
  return length;
}

describe("a window whose origin waits", () => {
  test("stops at the length that brute force finds best, at even confidence", () => {
    for (const { costs, a } of cases) {
      const history = taught(costs, a, a);
      const mean = history.meanAcceptance;
      let best = 1;
      for (let K = 1; K <= 15; K++) if (waitingRate(costs, mean, K) > waitingRate(costs, mean, best)) best = K;
      const rates = [0, best].map((K) => waitingRate(costs, mean, K));
      expect(bestWaiting(history, WAITING)).toBeCloseTo(Math.max(...rates), 9);
      const length = plannedLength(new Window(WAITING, history), a);
      if (rates[1]! > rates[0]!) {
        expect(Math.abs(length - best), JSON.stringify({ costs, a, length, best })).toBeLessThanOrEqual(1);
        expect(waitingRate(costs, mean, length)).toBeGreaterThan(0.99 * rates[1]!);
      } else expect(length).toBe(0);
    }
  });

  test("with confidences that tell, makes more tokens per ms than any fixed length (simulated)", () => {
    const costs = { roundTripMs: 15, draftStepMs: 5, targetStepMs: 30, positionMs: 1 };
    /** Tokens per ms over many rounds; a token of confidence c is right with probability c. */
    const simulate = (length: (next: () => number, window: Window) => number[], learn: boolean) => {
      const random = seeded(3);
      const history = new History(costs);
      const window = new Window(WAITING, history);
      let tokens = 0;
      let ms = 0;
      for (let round = 0; round < 6000; round++) {
        const draft = length(() => Math.min(0.99, Math.max(0.02, 0.75 + 0.3 * normal(random))), window);
        let kept = 0;
        for (const confidence of draft) {
          const right = random() < confidence;
          if (learn) history.outcome(confidence, right);
          if (!right) break;
          kept++;
        }
        tokens += kept + 1;
        ms += costs.roundTripMs + draft.length * (costs.draftStepMs + costs.positionMs) + costs.targetStepMs;
      }
      return tokens / ms;
    };
    let fixed = 0;
    for (let K = 0; K <= 15; K++) {
      fixed = Math.max(
        fixed,
        simulate((next) => Array.from({ length: K }, next), false),
      );
    }
    const adaptive = simulate((next, window) => {
      const plan = window.plan();
      const draft: number[] = [];
      while (draft.length < plan.max) {
        draft.push(next());
        if (!plan.more({ confidence: draft.at(-1)! })) break;
      }
      return draft;
    }, true);
    expect(adaptive).toBeGreaterThan(1.02 * fixed);
  });

  test("sparing passes drafts to the end; a fallback stops at the first token below it", () => {
    const history = taught({ roundTripMs: 80, draftStepMs: 20, targetStepMs: 5, positionMs: 5 }, 0.5);
    expect(plannedLength(new Window(WAITING, history), 0.5)).toBe(1);
    expect(plannedLength(new Window({ ...WAITING, spare: "passes" }, history), 0.5)).toBe(15);
    const bild = new Window({ ...WAITING, spare: "passes", fallback: 0.6, maxDraft: 10 }, history);
    expect(plannedLength(bild, 0.61)).toBe(10);
    const plan = bild.plan();
    expect([0.9, 0.6, 0.59].map((confidence) => plan.more({ confidence }))).toEqual([true, true, false]);
  });

  test("counts tokens already ahead", () => {
    const window = new Window({ ...WAITING, spare: "passes", maxDraft: 6 }, new History());
    expect(window.plan(sure(0.9, 0.9)).max).toBe(4);
    expect(window.plan(sure(0.9, 0.9, 0.9, 0.9, 0.9, 0.9)).max).toBe(0);
    expect(new Window({ ...WAITING, fallback: 0.5 }, new History()).plan(sure(0.9, 0.2)).max).toBe(0);
  });
});

describe("siblings", () => {
  const history = taught({ roundTripMs: 80, draftStepMs: 2, targetStepMs: 20, positionMs: 1 }, 0.5);
  const place = {
    confidence: 0.5,
    others: [0.3, 0.1, 0.01].map((confidence) => ({ id: 0, confidence, source: "model" as const })),
  };

  test("are asked for where the target judges them and waits", () => {
    const spare = { ...WAITING, spare: "passes" } as const;
    expect(new Window(spare, history).plan([], true).others).toBeGreaterThan(0);
    expect(new Window(spare, history).plan([], false).others).toBe(0);
    expect(new Window({ ...spare, patience: 0 }, history).plan([], true).others).toBe(0);
  });

  test("end a draft when they are worth more than what could follow", () => {
    const window = new Window({ ...WAITING, spare: "passes", maxDraft: 6 }, history);
    const lengthOf = (siblings: boolean) => {
      const { max, more } = window.plan([], siblings);
      let length = 1;
      while (length < max && more(place)) length++;
      return length;
    };
    // Worth 0.5, 0.25, 0.13, 0.06 in the chain, 0.3, 0.1, 0.15, 0.05, 0.08 beside it: only the fourth shows that it is
    // not needed.
    expect([lengthOf(false), lengthOf(true)]).toEqual([6, 4]);
    const { length, others } = window.choose([place, place, place, place]);
    expect([length, ...others.map((these) => these.length)]).toEqual([3, 2, 1, 0]);
  });

  test("must be worth the time of a position where time counts", () => {
    const dear = taught({ roundTripMs: 80, draftStepMs: 2, targetStepMs: 20, positionMs: 20 }, 0.5);
    const counts = [history, dear].map((seen) => new Window(WAITING, seen).choose([place]).others[0]!.length);
    expect(counts).toEqual([2, 1]);
  });
});

/** Of so many verdicts, those after which a window drafts with nothing ahead. */
const triedOf = (window: Window, verdicts: number): number[] =>
  Array.from({ length: verdicts }, () => window.plan().max).flatMap((max, i) => (max > 0 ? [i] : []));

describe("a window whose origin streams", () => {
  const STREAMING = { ...WAITING, patience: 0 };

  /**
   * Tokens per ms and per pass of an origin and a drafter that run side by side, each draft token right with
   * probability a.
   */
  function sideBySide(
    costs: Costs,
    a: number,
    maxDraft: number,
    random: () => number,
  ): [perMs: number, perPass: number] {
    const { roundTripMs: R, draftStepMs: t, targetStepMs: T, positionMs: v } = costs;
    let now = 0;
    let decided = 0;
    let passes = 0;
    /** The drafter's tokens since it last began anew, there after `base` tokens, and the verdicts since then. */
    let base = 0;
    let drafted: { arrives: number; right: boolean }[] = [];
    let verdicts = [{ decided: 0, heard: R / 2 }];
    const nextArrival = (): number => {
      const made = drafted.length === 0 ? verdicts[0]!.heard : drafted.at(-1)!.arrives - R / 2;
      const verdict = verdicts.find((one) => one.decided + maxDraft > base + drafted.length);
      return verdict ? Math.max(made, verdict.heard) + t + R / 2 : Number.POSITIVE_INFINITY;
    };
    const draft = () => drafted.push({ arrives: nextArrival(), right: random() < a });
    while (passes < 40_000) {
      while (nextArrival() <= now) draft();
      let scored = Math.max(0, base + drafted.length - decided);
      while (scored > 0 && a ** scored * T <= v) scored--;
      let kept = 0;
      while (kept < scored && drafted[decided - base + kept]!.right) kept++;
      now += T + scored * v;
      passes++;
      decided += kept + 1;
      // The target's own token was or will be drafted as well.
      while (drafted.length < decided - base) draft();
      if (drafted.slice(0, decided - base).some(({ right }) => !right)) {
        [base, drafted, verdicts] = [decided, [], []];
      }
      verdicts.push({ decided, heard: now + R / 2 });
    }
    return [decided / now, decided / passes];
  }

  test("is never slower than no draft, and as fast as a simulation", () => {
    const random = seeded(5);
    for (const { costs, a } of cases) {
      const { tokens, ms, passes } = streamed(costs, a, 15);
      expect(tokens / ms).toBeGreaterThanOrEqual(1 / costs.targetStepMs - 1e-12);
      const [perMs, perPass] = sideBySide(costs, a, 15, random);
      expect(tokens / ms / perMs, JSON.stringify({ costs, a })).toBeGreaterThan(0.95);
      expect(tokens / ms / perMs, JSON.stringify({ costs, a })).toBeLessThan(1.05);
      expect(tokens / passes / perPass, JSON.stringify({ costs, a })).toBeGreaterThan(0.95);
      expect(tokens / passes / perPass, JSON.stringify({ costs, a })).toBeLessThan(1.05);
    }
  });

  test("drafts and sends token by token while that may save anything, and seldom tries where nothing can", () => {
    const near = taught({ roundTripMs: 20, draftStepMs: 2, targetStepMs: 20, positionMs: 0.5 }, 0.9);
    const ahead: number[] = [];
    for (
      let plan = new Window(STREAMING, near).plan();
      plan.max > 0;
      plan = new Window(STREAMING, near).plan(sure(...ahead))
    ) {
      expect(plan).toMatchObject({ max: 1, streams: true });
      ahead.push(0.5);
    }
    expect(ahead.length).toBe(15);
    const unsure = taught({ roundTripMs: 20, draftStepMs: 2, targetStepMs: 20, positionMs: 6 }, 0.5);
    // 0.5 and 0.5² of 20 ms saved, 6 ms spent.
    expect([[0.5], [0.5, 0.5]].map((confidences) => new Window(STREAMING, unsure).saves(sure(...confidences)))).toEqual(
      [true, false],
    );
    expect(new Window(STREAMING, unsure).plan(sure(0.5, 0.5)).max).toBe(0);
    expect(new Window({ ...STREAMING, spare: "passes" }, unsure).plan(sure(0.5, 0.5)).max).toBe(1);
    expect(new Window({ ...STREAMING, fallback: 0.6 }, near).saves(sure(0.7, 0.5))).toBe(false);

    const far = taught({ roundTripMs: 500, draftStepMs: 20, targetStepMs: 8, positionMs: 0.5 }, 0.9);
    expect(new Window(STREAMING, far).pays).toBe(false);
    // The distance is the same for the next answer, so verdicts count on.
    expect(triedOf(new Window(STREAMING, far), 16)).toEqual([]);
    expect(triedOf(new Window(STREAMING, far), 48)).toEqual([12, 13, 14, 15, 44, 45, 46, 47]);
    // Near by, it is only the drafter that is in doubt, and the next answer may suit it.
    const wrong = taught({ roundTripMs: 2, draftStepMs: 5, targetStepMs: 40, positionMs: 1 }, 0.001);
    const doubtful = new Window(STREAMING, wrong);
    expect(doubtful.pays).toBe(false);
    expect(triedOf(doubtful, 34)).toEqual([0, 1, 2, 3, 32, 33]);
    expect(triedOf(new Window(STREAMING, wrong), 8)).toEqual([0, 1, 2, 3]);
  });
});

describe("a processor that drafter and target share", () => {
  // Where positions and draft steps were free, drafts would pay; nobody has measured yet that they are not.
  const promising = taught({ roundTripMs: 0, draftStepMs: 1, targetStepMs: 40, positionMs: 1 }, 0.9);
  const shared: WindowPolicy = { ...WAITING, patience: "auto", sharedCpu: true };

  test("is left to the target where time counts, without a try", () => {
    expect(new Window({ ...shared, sharedCpu: false }, promising).patience).toBeGreaterThan(0);
    for (const patience of ["auto", 0] as const) {
      const window = new Window({ ...shared, patience }, promising);
      expect([window.patience, window.pays, window.readsAlong]).toEqual([0, false, false]);
      expect(triedOf(window, 200)).toEqual([]);
    }
  });

  test("is the drafter's, too, where passes count, but not before the first token", () => {
    const window = new Window({ ...shared, patience: 1000, spare: "passes" }, promising);
    expect([window.pays, window.readsAlong, window.plan().max]).toEqual([true, false, 15]);
  });
});

describe("patience", () => {
  test("waits where a round trip costs less than it saves, and streams where it does not", () => {
    const near = taught({ roundTripMs: 2, draftStepMs: 1, targetStepMs: 40, positionMs: 1 }, 0.75);
    expect(choosePatience(near, 10)).toBeGreaterThan(50);
    const far = taught({ roundTripMs: 150, draftStepMs: 5, targetStepMs: 20, positionMs: 1 }, 0.6);
    expect(choosePatience(far, 10)).toBe(0);
  });

  test("changes at the break-even round trip", () => {
    for (const { costs, a } of cases) {
      const history = taught(costs, a);
      const at = breakEvenRoundTrip(history, 10);
      if (at > 0.1) expect(choosePatience(taught({ ...costs, roundTripMs: at - 0.1 }, a), 10)).toBeGreaterThan(0);
      expect(choosePatience(taught({ ...costs, roundTripMs: at + 0.1 }, a), 10)).toBe(0);
    }
  });
});

describe("history", () => {
  test("learns round trip, draft step, target step and position cost from noisy verdicts, far from its guess", () => {
    const truth = { roundTripMs: 120, draftStepMs: 9, targetStepMs: 60, positionMs: 4 };
    const history = new History({ roundTripMs: 10, draftStepMs: 2, targetStepMs: 10, positionMs: 0.2 });
    const random = seeded(8);
    for (let i = 0; i < 400; i++) {
      const K = Math.floor(random() * 9);
      const hiccup = i % 50 === 49 ? 5000 : 0;
      history.arrived(K, truth.roundTripMs + truth.draftStepMs * K + normal(random) + hiccup);
      history.stepped(K, truth.targetStepMs + truth.positionMs * K + normal(random));
    }
    const costs = history.costs;
    expect(costs.roundTripMs).toBeGreaterThan(100);
    expect(costs.roundTripMs).toBeLessThan(150);
    expect(costs.draftStepMs).toBeGreaterThan(6);
    expect(costs.draftStepMs).toBeLessThan(13);
    expect(costs.targetStepMs).toBeGreaterThan(57);
    expect(costs.targetStepMs).toBeLessThan(63);
    expect(costs.positionMs).toBeGreaterThan(3.5);
    expect(costs.positionMs).toBeLessThan(4.5);
  });

  test("never reports a negative cost, and stays defined when every draft has one length", () => {
    const history = new History();
    for (let i = 0; i < 300; i++) history.arrived(4, i % 2 === 0 ? 0 : 1);
    for (let i = 0; i < 300; i++) history.stepped(i % 2, i % 2 === 0 ? 50 : 10);
    for (const cost of Object.values(history.costs)) expect(cost).toBeGreaterThanOrEqual(0);
    expect(history.costs.roundTripMs + 4 * history.costs.draftStepMs).toBeLessThan(4);
  });

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
});
