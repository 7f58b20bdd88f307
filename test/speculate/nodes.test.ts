/** Which tokens go, against all the choices that there are. */
import { expect, test } from "vitest";
import {
  type ChainToken,
  chooseNodes,
  isFull,
  mayGrow,
  type Pass,
  USUAL_PASS,
} from "../../src/core/speculate/nodes.ts";
import { costsOf, evenCosts } from "../support/costs.ts";
import { seeded } from "../support/random.ts";

const pass = (most: number, sibling = 0) => ({ most, sibling });
const other = (confidence: number, id = 0) => ({ id, confidence, source: "model" as const });

/** Expected decided draft tokens if the first `length` tokens go with these others: each position is reached or not. */
function worth(
  chain: readonly ChainToken[],
  length: number,
  others: readonly (readonly { confidence: number }[])[],
): number {
  let reached = 1;
  let sum = 0;
  for (let at = 0; at < length; at++) {
    const { chance } = chain[at]!;
    sum += reached * (chance + others[at]!.reduce((total, { confidence }) => total + confidence, 0));
    reached *= chance;
  }
  return sum;
}

/** The most that `most` tokens can be worth: every length, and for each every way to choose others. */
function bestWorth(chain: readonly ChainToken[], most: number): number {
  let best = 0;
  for (let length = 0; length <= Math.min(most, chain.length); length++) {
    const all = chain.slice(0, length).flatMap(({ others }, at) => others.map((one) => ({ at, one })));
    for (let mask = 0; mask < 2 ** all.length; mask++) {
      const chosen = all.filter((_, i) => (mask >> i) % 2 === 1);
      if (length + chosen.length > most) continue;
      const others = chain.map((_, at) => chosen.filter((one) => one.at === at).map(({ one }) => one));
      best = Math.max(best, worth(chain, length, others));
    }
  }
  return best;
}

function randomChain(random: () => number): ChainToken[] {
  return Array.from({ length: 4 }, () => {
    const chance = 0.05 + 0.9 * random();
    // Others are less likely than the token itself, as a drafter's mostly are.
    const confidences = [random(), random()].map((part) => (part * Math.min(chance, 1 - chance)) / 2);
    return { chance, others: confidences.sort((a, b) => b - a).map((confidence) => other(confidence)) };
  });
}

test("the chosen are worth as much as any that fit", () => {
  const random = seeded(4);
  for (let run = 0; run < 200; run++) {
    const chain = randomChain(random);
    for (const most of [1, 2, 4, 6]) {
      const { length, others } = chooseNodes(chain, pass(most));
      expect(length + others.flat().length).toBe(Math.min(most, 12));
      expect(others).toHaveLength(length);
      expect(worth(chain, length, others)).toBeCloseTo(bestWorth(chain, most), 12);
    }
  }
});

test("it is full exactly when a further token cannot be chosen, however sure", () => {
  const random = seeded(5);
  for (let run = 0; run < 300; run++) {
    const chain = randomChain(random);
    const most = 2 + Math.floor(random() * 9);
    const { length } = chooseNodes([...chain, { chance: 1, others: [] }], pass(most));
    expect(isFull(chain, pass(most))).toBe(length <= chain.length);
  }
});

test("no alternative goes that is worth less than asked for, and none without the token of its position", () => {
  const chain = [
    { chance: 0.5, others: [other(0.2, 1), other(0.02, 2)] },
    { chance: 0.1, others: [other(0.6, 3)] },
  ];
  expect(chooseNodes(chain, pass(8, 0.03))).toEqual({ length: 2, others: [[other(0.2, 1)], [other(0.6, 3)]] });
  expect(chooseNodes(chain, pass(8, 0.06))).toEqual({ length: 2, others: [[other(0.2, 1)], []] });
  expect(chooseNodes(chain.slice(1), pass(1))).toEqual({ length: 1, others: [[]] });
  expect(isFull(chain, pass(8, 0.06))).toBe(true);
  expect(isFull(chain, pass(8, 0.03))).toBe(false);
});

test("beyond a usual pass only tokens go that are likely enough for what a position costs", () => {
  const length = (chance: number, time?: Pass["time"]) => {
    const chain = Array.from({ length: 40 }, () => ({ chance, others: [] }));
    return chooseNodes(chain, { most: 31, sibling: 0.03, ...(time && { time }) }).length;
  };
  expect(length(0.9)).toBe(USUAL_PASS);
  expect(length(0.999)).toBe(31);
  expect(length(0.97)).toBe(22);
  // 0.6 decided tokens for a position: 0.97^16 is worth it, 0.97^17 is not.
  expect(length(0.97, { costs: evenCosts(1, 1, 10, 6), rate: 0.1 })).toBe(16);
  // Siblings fill a usual pass, and do not lengthen it.
  const beside = Array.from({ length: 40 }, () => ({ chance: 0.9, others: [other(0.08)] }));
  const { others, length: chosen } = chooseNodes(beside, { most: 31, sibling: 0.03 });
  expect(chosen + others.flat().length).toBe(USUAL_PASS);
});

test("a pass over a curve with steps takes tokens to the end of a step, siblings too", () => {
  const costs = costsOf(5, 2.5, 50, { 1: 1, 2: 1.12, 3: 1.2, 4: 1.33, 6: 1.73, 8: 2.15, 16: 2.15, 32: 3.5 });
  const counts = [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95].map((chance) => {
    const chain = Array.from({ length: 20 }, () => ({ chance, others: [other((1 - chance) / 2)] }));
    const { length, others } = chooseNodes(chain, { most: 31, sibling: 0, time: { costs, rate: 1.5 / 50 } });
    return length + others.flat().length;
  });
  // About three positions or sixteen, never eight.
  for (const count of counts) expect([0, 1, 2, 3, 15]).toContain(count);
  expect(counts).toContain(2);
  expect(counts).toContain(15);
});

test("a draft grows as far as its tokens could go", () => {
  for (const chance of [0.5, 0.9, 0.95, 0.97, 0.98, 0.99]) {
    const limits = { most: 31, sibling: 0.03 };
    const chain: ChainToken[] = [];
    while (mayGrow(chain, limits)) chain.push({ chance, others: [] });
    const whole = Array.from({ length: 40 }, () => ({ chance, others: [] }));
    const { length } = chooseNodes(whole, limits);
    expect([length, length + 1]).toContain(chain.length);
  }
});
