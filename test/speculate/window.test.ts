import { describe, expect, test } from "vitest";
import { type Costs, History } from "../../src/core/speculate/history.ts";
import { Window, type WindowPolicy } from "../../src/core/speculate/window.ts";
import { evenCosts } from "../support/costs.ts";
import { normal, seeded } from "../support/random.ts";

/** Nothing ahead of verdicts, so that drafts of a fixed length can be compared with. */
const WAITING: WindowPolicy = { maxDraft: 15, fallback: 0, patience: 1000, spare: "time", bets: false };

/** A history that has seen so many outcomes of one confidence that its acceptance there, and at any depth, is `a`. */
function taught(costs: Costs, a: number, confidence = 0.5): History {
  const history = new History(costs);
  for (let i = 0; i < 8000; i++) {
    history.outcome(confidence, Math.floor((i + 1) * a) > Math.floor(i * a), Math.floor(i / 8) % 8);
  }
  return history;
}

const cases: { costs: Costs; a: number }[] = [];
for (const roundTripMs of [0, 5, 50]) {
  for (const targetStepMs of [8, 40]) {
    for (const draftStepMs of [1, 6]) {
      for (const a of [0.4, 0.6, 0.75, 0.9])
        cases.push({ costs: evenCosts(roundTripMs, draftStepMs, targetStepMs, 1), a });
    }
  }
}

/**
 * Tokens per ms of a fixed draft length K by the formulas of research on edge drafting: E(K) = (1 − a^(K+1)) / (1 − a).
 */
function waitingRate({ roundTripMs, draftStepMs, passMs }: Costs, a: number, K: number): number {
  return (1 - a ** (K + 1)) / (1 - a) / (roundTripMs + K * draftStepMs + passMs[K]!);
}

const sent = (...confidences: number[]) => confidences.map((confidence) => ({ confidence, sent: true }));
const unsent = (...confidences: number[]) => confidences.map((confidence) => ({ confidence, sent: false }));

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
      const gain = waitingRate(costs, mean, best) / waitingRate(costs, mean, 0);
      // Around the least gain that is worth drafting for, either is right.
      if (Math.abs(gain - 1.03) < 0.02) continue;
      const length = plannedLength(new Window(WAITING, history), a);
      if (gain > 1.03) {
        const rate = waitingRate(costs, mean, length);
        expect(rate, JSON.stringify({ costs, a, length, best })).toBeGreaterThan(0.97 * waitingRate(costs, mean, best));
      } else expect(new Window(WAITING, history).pays).toBe(false);
    }
  });

  test("with confidences that tell, makes more tokens per ms than any fixed length (simulated)", () => {
    const costs = evenCosts(15, 5, 30, 1);
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
          if (learn) history.outcome(confidence, right, kept);
          if (!right) break;
          kept++;
        }
        tokens += kept + 1;
        ms += costs.roundTripMs + draft.length * costs.draftStepMs + costs.passMs[draft.length]!;
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
    const history = taught(evenCosts(80, 20, 200, 5), 0.5);
    expect(plannedLength(new Window(WAITING, history), 0.5)).toBeLessThan(3);
    expect(plannedLength(new Window({ ...WAITING, spare: "passes" }, history), 0.5)).toBe(15);
    const bild = new Window({ ...WAITING, spare: "passes", fallback: 0.6, maxDraft: 10 }, history);
    expect(plannedLength(bild, 0.61)).toBe(10);
    const plan = bild.plan();
    expect([0.9, 0.6, 0.59].map((confidence) => plan.more({ confidence }))).toEqual([true, true, false]);
  });

  test("counts tokens that it has not sent yet", () => {
    const window = new Window({ ...WAITING, spare: "passes", maxDraft: 6 }, new History());
    expect(window.plan(unsent(0.9, 0.9)).max).toBe(4);
    expect(window.plan(unsent(0.9, 0.9, 0.9, 0.9, 0.9, 0.9)).max).toBe(0);
    expect(new Window({ ...WAITING, spare: "passes", fallback: 0.5 }, new History()).plan(unsent(0.9, 0.2)).max).toBe(
      0,
    );
  });

  test("drafts nothing behind a draft that was sent, unless it may bet", () => {
    const history = taught(evenCosts(5, 2, 50, 1), 0.75);
    expect(new Window(WAITING, history).plan(sent(0.9, 0.9)).max).toBe(0);
    const bets = { ...WAITING, bets: true };
    expect(new Window(bets, history).plan(sent(0.9, 0.9))).toMatchObject({ max: 1, each: true });
    // All of them right: once in forty-four times.
    expect(new Window(bets, history).plan(sent(0.1, 0.1)).max).toBe(0);
    // As many as a draft on the wire takes, if they are sure.
    for (let i = 0; i < 300; i++) history.outcome(0.99, true, 0);
    expect(new Window(bets, history).plan(sent(...new Array<number>(30).fill(0.99))).max).toBe(1);
    expect(new Window(bets, history).plan(sent(...new Array<number>(31).fill(0.99))).max).toBe(0);
  });
});

describe("siblings", () => {
  const history = taught(evenCosts(80, 2, 20, 1), 0.5);
  const place = {
    ...{ confidence: 0.5, sent: false },
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

  test("fill the pass of a draft that may have few positions", () => {
    const window = new Window({ ...WAITING, spare: "passes", maxPositions: 3 }, history);
    expect(window.plan([], true).max).toBe(3);
    expect(window.plan([place], true).max).toBe(2);
    const { length, others } = window.choose([place, place, place]);
    expect([length, ...others.map((these) => these.length)]).toEqual([3, 2, 2, 1]);
  });

  test("must be worth the time of a position where time counts", () => {
    const dear = taught(evenCosts(2, 2, 20, 4), 0.5);
    const cheap = taught(evenCosts(2, 2, 20, 0.2), 0.5);
    const counts = [cheap, dear].map((seen) => new Window(WAITING, seen).choose([place]).others[0]!.length);
    expect(counts).toEqual([2, 1]);
  });
});

/** Of so many verdicts, those after which a window drafts with nothing ahead. */
const triedOf = (window: Window, verdicts: number): number[] =>
  Array.from({ length: verdicts }, () => window.plan().max).flatMap((max, i) => (max > 0 ? [i] : []));

describe("a window whose origin streams", () => {
  const STREAMING = { ...WAITING, patience: 0 };

  test("drafts and sends token by token while all may still be right", () => {
    const near = taught(evenCosts(20, 2, 20, 0.5), 0.9);
    const ahead: number[] = [];
    const window = new Window(STREAMING, near);
    for (let plan = window.plan(); plan.max > 0; plan = window.plan(sent(...ahead))) {
      expect(plan).toMatchObject({ max: 1, each: true });
      ahead.push(0.5);
    }
    expect(ahead.length).toBe(15);
    expect(new Window({ ...STREAMING, fallback: 0.6 }, near).plan(sent(0.7, 0.5)).max).toBe(0);
  });

  test("says how many tokens one pass is to score", () => {
    const unsure = taught(evenCosts(2, 2, 20, 6), 0.5);
    // 0.5 and 0.5² of 20 ms saved, 6 ms spent.
    expect(new Window(STREAMING, unsure).scored(sent(0.5, 0.5))).toBe(1);
    expect(new Window({ ...STREAMING, spare: "passes" }, unsure).scored(sent(0.5, 0.5))).toBe(15);
  });

  test("seldom tries where nothing can be gained, and ever more seldom", () => {
    const far = taught(evenCosts(500, 20, 8, 0.5), 0.9);
    expect(new Window(STREAMING, far).pays).toBe(false);
    // The distance is the same for the next answer, so verdicts count on.
    expect(triedOf(new Window(STREAMING, far), 16)).toEqual([]);
    expect(triedOf(new Window(STREAMING, far), 48)).toEqual([12, 13, 14, 15, 44, 45, 46, 47]);
    expect(triedOf(new Window(STREAMING, far), 1000).length).toBe(16);
    // Near by, it is only the drafter that is in doubt, and the next answer may suit it.
    const wrong = taught(evenCosts(2, 5, 40, 1), 0.001);
    const doubtful = new Window(STREAMING, wrong);
    expect(doubtful.pays).toBe(false);
    expect(triedOf(doubtful, 34)).toEqual([0, 1, 2, 3, 32, 33]);
    expect(triedOf(new Window(STREAMING, wrong), 8)).toEqual([0, 1, 2, 3]);
  });

  test("tries at the beginning of ever fewer answers while none pays, and of all once one has paid", () => {
    const wrong = taught(evenCosts(2, 5, 40, 1), 0.001);
    const tries = () => triedOf(new Window(STREAMING, wrong), 8).length > 0;
    const trying = (count: number) => Array.from({ length: count }, (_, n) => n + 1).filter(tries);
    expect(trying(70)).toEqual([1, 2, 3, 5, 9, 17, 33, 49, 65]);
    // The next Session of the isolate goes on from there.
    expect(new History(wrong.costs, wrong.meanAcceptance, wrong.idle).idle.answers).toBe(70);
    for (let n = 0; n < 400; n++) wrong.outcome(0.95, true, n % 8);
    const paying = new Window(STREAMING, wrong);
    expect(paying.plan().max).toBe(1);
    expect(wrong.idle.answers).toBe(0);
  });
});

describe("a processor that drafter and target share", () => {
  // Where positions and draft steps were free, drafts would pay; nobody has measured yet that they are not.
  const promising = taught(evenCosts(0, 1, 40, 1), 0.9);
  const shared: WindowPolicy = { ...WAITING, patience: "auto", sharedCpu: true };

  test("is left to the target where time counts, without a try", () => {
    expect(new Window({ ...shared, sharedCpu: false }, promising).patience).toBeGreaterThan(0);
    for (const patience of ["auto", 0] as const) {
      const window = new Window({ ...shared, patience }, promising);
      expect([window.patience, window.pays, window.readsAlong]).toEqual([0, false, false]);
      expect(triedOf(window, 200)).toEqual([]);
    }
  });

  test("is the drafter's, too, where passes count, but not before the first token and not for bets", () => {
    const window = new Window({ ...shared, patience: 1000, spare: "passes", bets: true }, promising);
    expect([window.pays, window.readsAlong, window.plan().max]).toEqual([true, false, 15]);
    expect(window.plan(sent(0.9)).max).toBe(0);
  });
});

describe("what to spare", () => {
  const AUTO: WindowPolicy = { maxDraft: 8, patience: "auto", spare: "auto" };

  test("with auto, is time, and the origin never waits while it has many generations", () => {
    const history = taught(evenCosts(5, 2, 50, 0), 0.7);
    const window = new Window(AUTO, history);
    const waits = (load: number) => {
      history.load = load;
      return window.patience > 0;
    };
    expect([0, 0.7, 0.8, 0.6, 0.4].map(waits)).toEqual([true, true, false, false, true]);
    expect(window.spare).toBe("time");
  });

  test("decides below which confidence a draft ends, unless a number is given", () => {
    const history = taught(evenCosts(5, 2, 50, 0), 0.7);
    const plan = (policy: Partial<WindowPolicy>) =>
      new Window({ ...AUTO, patience: 1000, ...policy }, history).plan().more({ confidence: 0.05 });
    expect([plan({ spare: "passes" }), plan({ spare: "passes", fallback: 0 })]).toEqual([false, true]);
  });
});

describe("patience", () => {
  const AUTO: WindowPolicy = { maxDraft: 10, patience: "auto", spare: "time" };

  test("is what the draft under way needs where waiting is faster, and 0 where it is not", () => {
    const near = new Window(AUTO, taught(evenCosts(2, 1, 40, 1), 0.75));
    expect(near.patience).toBeGreaterThan(5);
    expect(near.patience).toBeLessThan(80);
    expect(new Window(AUTO, taught(evenCosts(150, 5, 20, 1), 0.6)).patience).toBe(0);
    // A processor whose passes grow with their positions.
    expect(new Window(AUTO, taught(evenCosts(0, 5, 14, 12), 0.75)).patience).toBe(0);
  });
});
