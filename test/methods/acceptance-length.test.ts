/** Counted passes against a draft-and-verify loop written out, and against the closed form for independent tokens. */
import { expect, test } from "vitest";
import { agreementRate, tokensPerPass } from "../../src/tools/compress/methods/acceptance-length.ts";
import { seeded } from "../support/random.ts";

/** One pass after the other, one token after the other. */
function loop(hits: readonly boolean[], drafted: number): number {
  let passes = 0;
  let position = 0;
  while (position < hits.length) {
    for (let n = 0; n < drafted && hits[position]; n++) position++;
    position++;
    passes++;
  }
  return passes;
}

test("counts the passes of a draft-and-verify loop", () => {
  const random = seeded(3);
  const answers = Array.from({ length: 40 }, (_, n) => Array.from({ length: n + 1 }, () => random() < 0.6));
  const tokens = answers.reduce((sum, answer) => sum + answer.length, 0);
  for (const drafted of [1, 3, 8]) {
    const passes = answers.reduce((sum, answer) => sum + loop(answer, drafted), 0);
    expect(tokensPerPass(answers, drafted)).toBe(tokens / passes);
  }
});

test.each([
  ["always right", true, 9],
  ["always wrong", false, 1],
])("%s: %j gives %i tokens a pass with 8 drafted", (_, hit, expected) => {
  expect(tokensPerPass([new Array(90).fill(hit)], 8)).toBe(expected);
});

test("independent tokens give (1 − a^(K+1)) / (1 − a)", () => {
  const random = seeded(11);
  const answers = [Array.from({ length: 200_000 }, () => random() < 0.7)];
  expect(tokensPerPass(answers, 8)).toBeCloseTo((1 - 0.7 ** 9) / (1 - 0.7), 1);
  expect(agreementRate(answers)).toBeCloseTo(0.7, 2);
});
