import { expect, test } from "vitest";
import { answerSeed, splitOf, turnSeed } from "../../src/tools/corpus/line.ts";

const prompts = Array.from({ length: 4000 }, (_, n) => [1, 9690, n, n * n, 2]);

test("one prompt in 20 is held out, the same ones whenever it is asked", () => {
  const held = prompts.filter((prompt) => splitOf(prompt) === "held-out").length;
  // Binomial: 200 expected, standard deviation 14.
  expect(held).toBeGreaterThan(140);
  expect(held).toBeLessThan(260);
  expect(prompts.map(splitOf)).toEqual(prompts.map((prompt) => splitOf([...prompt])));
});

test("seeds differ by prompt, temperature and number", () => {
  const seeds = prompts.slice(0, 500).flatMap((prompt) => [0, 0.7, 1].map((t) => answerSeed(prompt, t)));
  expect(new Set(seeds).size).toBe(1500);
  expect(turnSeed(0)).not.toBe(turnSeed(1));
  for (const seed of seeds) expect(seed).toBe(seed & 0x7fffffff);
});
