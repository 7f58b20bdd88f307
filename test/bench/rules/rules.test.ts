/** The rules and oracles of `npm run bench:rules` against brute force on small traces. */
import { describe, expect, test } from "vitest";
import { seeded } from "../../support/random.ts";
import { Confidence, Fixed, OurWindow, UcbSpecStop } from "./length-rules.ts";
import { bestStopping, clairvoyantMs, informedMs, modelOf, stoppedLength, stoppingAt } from "./oracles.ts";
import { type LengthRule, type Round, replay, type Setting, tokensOf } from "./replay.ts";
import { type Answer, answerOf, CHAIN, type Chain, lineOf, readTraces } from "./trace.ts";
import { WEATHERS } from "./weather.ts";

/** Answers whose tokens are kept as often as their confidence says. */
function made(seed: number, answers: number, length: number): Answer[] {
  const random = seeded(seed);
  return Array.from({ length: answers }, (): Answer => {
    const chains = Array.from({ length }, (_, at): Chain => {
      const confidences = Array.from({ length: CHAIN }, () => Math.floor(256 * random()) / 256 + 1 / 512);
      const wrong = confidences.findIndex((confidence) => random() >= confidence);
      return { confidences, kept: Math.min(wrong < 0 ? CHAIN : wrong, length - at) };
    });
    return { category: "made", temperature: 0, chains };
  });
}

/** Costs with no more pattern than that each further position costs something. */
function setting(seed: number): Setting {
  const random = seeded(seed);
  const trips = Array.from({ length: 200 }, () => 40 * random());
  const passes = [0, 10];
  for (let n = 2; n <= CHAIN + 1; n++) passes.push(passes.at(-1)! + 3 * random());
  return { draftStepMs: 1 + 5 * random(), passMs: (n) => passes[n]!, roundTripMs: (n) => trips[n]! };
}

describe("traces", () => {
  test("survive their file", () => {
    for (const answer of made(1, 3, 9)) expect(answerOf(lineOf(answer))).toEqual(answer);
  });

  test("that are committed are whole", () => {
    const answers = readTraces(`${import.meta.dirname}/traces.jsonl.gz`);
    expect(tokensOf(answers)).toBeGreaterThan(500);
    for (const { chains } of answers) {
      for (const [at, { confidences, kept }] of chains.entries()) {
        expect(confidences).toHaveLength(CHAIN);
        expect(kept).toBeLessThanOrEqual(Math.min(CHAIN, chains.length - at));
        // Behind a first token that is kept, the drafter goes on with the same chain.
        const next = chains[at + 1];
        if (kept > 0 && next) expect(next.confidences.slice(0, -1)).toEqual(confidences.slice(1));
      }
    }
  });
});

describe("a replay", () => {
  test("of a fixed length is the sum of its rounds", () => {
    const answers: Answer[] = [
      { category: "a", temperature: 0, chains: [3, 2, 1, 0, 1].map((kept) => ({ confidences: HALF, kept })) },
    ];
    const costs: Setting = { draftStepMs: 10, passMs: (n) => 100 * n, roundTripMs: (n) => 1000 + n };
    // Of the first two drafted, both are kept; the next round begins at position 3, where none is, the last at 4.
    const rounds = [1000 + 20 + 300, 1003 + 20 + 300, 1004 + 20 + 300];
    expect(replay(answers, costs, new Fixed(2))).toBe(rounds.reduce((sum, ms) => sum + ms));
  });

  test("of a confidence stops where the product falls", () => {
    const rule = new Confidence(0.3);
    const lengths = [[0.9, 0.9, 0.9, 0.9], [0.69], [1, 1, 1, 1, 0.71, 0.9]].map((confidences) => {
      let K = 0;
      while (K < confidences.length && rule.more(confidences.slice(0, K))) K++;
      return K;
    });
    // 0.9 · 0.9 · 0.9 · 0.9 = 0.656 is drafted before it is known.
    expect(lengths).toEqual([4, 1, 6]);
  });
});

const HALF = Array.from({ length: CHAIN }, () => 0.5);

describe("the clairvoyant oracle", () => {
  test("is the best of all sequences of lengths", () => {
    for (let seed = 0; seed < 20; seed++) {
      const answers = made(seed, 2, 4);
      const costs = setting(seed);
      /** All lengths at each round, one after the other. */
      const least = (answer: Answer, before: number, at: number): number => {
        const chain = answer.chains[at];
        if (!chain) return 0;
        const ms = Array.from({ length: CHAIN + 1 }, (_, K) => {
          const way = K === 0 ? 0 : costs.roundTripMs(before + at) + K * costs.draftStepMs;
          const spent = way + costs.passMs(K + 1);
          return spent + least(answer, before, at + Math.min(K, chain.kept) + 1);
        });
        return Math.min(...ms);
      };
      const expected = least(answers[0]!, 0, 0) + least(answers[1]!, 4, 0);
      expect(clairvoyantMs(answers, costs)).toBeCloseTo(expected, 9);
    }
  });

  test("is never beaten", () => {
    const answers = made(5, 4, 10);
    const rules: LengthRule[] = [new OurWindow(), new Confidence(0.5), new UcbSpecStop(0.1), new Fixed(3)];
    for (let seed = 0; seed < 2; seed++) {
      const costs = setting(seed);
      const bound = clairvoyantMs(answers, costs);
      for (const rule of rules) expect(replay(answers, costs, rule)).toBeGreaterThanOrEqual(bound);
      expect(informedMs(answers, costs, modelOf(answers.flatMap(({ chains }) => chains)))).toBeGreaterThanOrEqual(
        bound,
      );
    }
  });
});

describe("the informed rule", () => {
  test("counts what is kept of the tokens before which all were kept", () => {
    const chains = Array.from({ length: 4000 }, (): Chain => ({ confidences: HALF, kept: 3 }));
    // Three tokens of four that were decided on are kept.
    expect(modelOf(chains).kept[6]).toBeCloseTo(0.75, 2);
  });

  test("at even confidences stops at the length that brute force finds best", () => {
    for (const rate of [0.001, 0.005, 0.01, 0.02, 0.05]) {
      for (let seed = 0; seed < 10; seed++) {
        const costs = setting(seed);
        // A bin of survival is a factor of 0.78, so this acceptance falls on bins exactly.
        const model = even(0.78);
        let best = 0;
        let gain = 0;
        for (let K = 1, value = -rate * 7; K <= CHAIN; K++) {
          value += 0.78 ** K - rate * (costs.draftStepMs + costs.passMs(K + 1) - costs.passMs(K));
          if (value > gain + 1e-12) [best, gain] = [K, value];
        }
        const stopping = stoppingAt(rate, 7, model, costs);
        expect(stopping.gain).toBeCloseTo(gain, 9);
        expect(stoppedLength(model, () => stopping)(HALF, 7).sent).toBe(best);
      }
    }
  });

  test("finds the rate at which a round gains nothing", () => {
    const costs = setting(3);
    for (const roundTrip of [3, 30, 300]) {
      const stopping = bestStopping(roundTrip, even(0.78), costs);
      const rates = Array.from({ length: CHAIN + 1 }, (_, K) => {
        const way = K === 0 ? 0 : roundTrip + K * costs.draftStepMs;
        return (1 - 0.78 ** (K + 1)) / 0.22 / (way + costs.passMs(K + 1));
      });
      const best = rates.indexOf(Math.max(...rates));
      expect(stoppedLength(even(0.78), () => stopping)(HALF, roundTrip).sent).toBe(best);
    }
  });
});

/** A model in which every confidence is a half and kept with this probability. */
function even(acceptance: number) {
  const { kept, next } = modelOf([]);
  const first = kept.map((_, bucket) => (bucket === 6 ? 1 : 0));
  return {
    kept: kept.map(() => acceptance),
    first,
    next: next.map((_, at) => (at % kept.length === 6 ? 1 : 0)),
  };
}

describe("UCB-SpecStop", () => {
  test("pulls the arm of the least index, counted from all rounds so far", () => {
    const width = 0.2;
    const random = seeded(8);
    const rule = new UcbSpecStop(width);
    const rounds: (Round & { readonly state: number })[] = [];
    let state = 0;
    for (let n = 0; n < 200; n++) {
      const indices = Array.from({ length: CHAIN + 1 }, (_, k) => {
        if (k === 0) return Number.POSITIVE_INFINITY;
        const own = rounds.filter((round) => round.confidences.length === k && round.state === state);
        const longer = rounds.filter((round) => round.confidences.length >= k);
        // An untried arm is better than any; the longest first.
        if (own.length === 0) return -k;
        const w = (count: number) => width * Math.sqrt(Math.log(rounds.length) / count);
        const costs = own.map(({ roundTripMs, draftStepMs, passMs }) => roundTripMs! + k * draftStepMs + passMs);
        const tokens = longer.map(({ kept }) => Math.min(kept, k) + 1);
        const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
        const cost = mean(costs) * Math.max(0, 1 - w(own.length));
        return cost / (mean(tokens) + w(longer.length) * (k + 1));
      });
      const least = Math.min(...indices);
      const arm = indices.findLastIndex((index) => Math.abs(index - least) < 1e-12);
      let K = 0;
      while (rule.more(HALF.slice(0, K))) K++;
      expect(K).toBe(arm);
      const round: Round = {
        confidences: HALF.slice(0, K),
        kept: Math.min(K, Math.floor(6 * random())),
        drafted: K,
        late: false,
        roundTripMs: n % 40 < 20 ? 10 : 100,
        draftStepMs: 3,
        passMs: 30 + K,
      };
      rule.learn(round);
      rounds.push({ ...round, state });
      state = Math.round(Math.log2(1 + round.roundTripMs!));
    }
    // Both states of the channel were seen often enough to leave the trials behind.
    expect(new Set(rounds.slice(-20).map(({ confidences }) => confidences.length)).size).toBeLessThan(CHAIN);
  });
});

test("our window, once it has learned, is near the best fixed length where confidences say nothing", () => {
  const random = seeded(4);
  const chains = Array.from({ length: 3000 }, (): Chain => {
    let kept = 0;
    while (kept < CHAIN && random() < 0.7) kept++;
    return { confidences: HALF, kept };
  });
  const answers = [{ category: "even", temperature: 0, chains }];
  for (const roundTrip of [5, 50]) {
    const costs: Setting = { draftStepMs: 4, passMs: (n) => 99 + n, roundTripMs: () => roundTrip };
    const fixed = Array.from({ length: CHAIN + 1 }, (_, K) => replay(answers, costs, new Fixed(K)));
    expect(replay(answers, costs, new OurWindow())).toBeLessThan(1.05 * Math.min(...fixed));
  }
});

test("weathers keep to their reach, and the usual round trip is in the middle of them", () => {
  for (const [name, weather] of Object.entries(WEATHERS)) {
    const trips = weather(30, 4000);
    const reach = name === "steady" ? 1.1 : 3.3;
    expect(Math.min(...trips), name).toBeGreaterThanOrEqual(30 / reach / 1.01);
    expect(Math.max(...trips), name).toBeLessThanOrEqual(30 * reach);
    const middle = Math.exp(trips.reduce((sum, ms) => sum + Math.log(ms), 0) / trips.length);
    expect(middle / 30, name).toBeGreaterThan(0.8);
    expect(middle / 30, name).toBeLessThan(1.25);
    expect([...weather(30, 50)]).toEqual([...weather(30, 50)]);
  }
});
