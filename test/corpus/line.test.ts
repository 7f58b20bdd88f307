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

test("seeds differ by prompt, temperature, seed and number, and every server can read them", () => {
  const seeds = prompts.slice(0, 500).flatMap((prompt) => [0, 0.7, 1].map((t) => answerSeed(0, prompt, t)));
  expect(new Set(seeds).size).toBe(1500);
  expect(answerSeed(1, prompts[0]!, 0)).not.toBe(answerSeed(0, prompts[0]!, 0));
  expect(turnSeed(0, 1)).not.toBe(turnSeed(1, 0));
  for (const seed of seeds) expect(seed).toBe(seed & 0x7fffffff);
});
