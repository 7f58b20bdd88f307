import { expect, test } from "vitest";
import { chances } from "../../src/core/draft/chances.ts";
import { seeded } from "../support/random.ts";

const TRIES = 40_000;

test("is how often each token wins where the target's scores are the draft's and Gumbel errors of scale 0.9", () => {
  const random = seeded(3);
  const error = () => -0.9 * Math.log(-Math.log(random()));
  for (const scores of [
    [4, 3.9, 3.5, -1],
    [12, 10, 2, 1],
    [-30, -31],
    [7, 7, 7],
  ]) {
    const wins = scores.map(() => 0);
    for (let n = 0; n < TRIES; n++) {
      const theirs = scores.map((score) => score + error());
      wins[theirs.indexOf(Math.max(...theirs))]!++;
    }
    const drawn = scores.map((score, id) => ({ id, score }));
    for (const [i, chance] of chances(drawn).entries()) {
      expect(Math.abs(chance - wins[i]! / TRIES), `${scores} ${i}`).toBeLessThan(0.01);
    }
  }
});

test("a draft with larger errors is trusted less", () => {
  const drawn = [
    { id: 1, score: 2 },
    { id: 2, score: 0 },
  ];
  const [sure, unsure] = [chances(drawn, 0.5)[0]!, chances(drawn, 2)[0]!];
  expect(sure).toBeCloseTo(1 / (1 + Math.exp(-2 / 0.5)), 10);
  expect(unsure).toBeCloseTo(1 / (1 + Math.exp(-2 / 2)), 10);
});

test("is 1 where the filters leave one token", () => {
  expect(chances([{ id: 5, score: -3 }])).toEqual([1]);
});
