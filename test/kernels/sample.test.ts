/** Draws in WASM: their distribution, and that they are those of the target's rule. */
import { describe, expect, test } from "vitest";
import { noiseKey } from "../../src/core/model/noise.ts";
import { chooseToken, keepFloor, logProbability } from "../../src/core/speculate/sample.ts";
import type { Sampling } from "../../src/core/speculate/types.ts";
import { BUILDS, freshKernels } from "../support/kernels.ts";
import { chiSquareTail, normal, seeded } from "../support/random.ts";

const X = 4096;
const PLAIN: Sampling = { temperature: 1, topK: 0, topP: 1, minP: 0, seed: 0 };

describe.each(BUILDS)("%s build", (build) => {
  const { kernels, memory } = freshKernels(build);

  function fill(V: number, spread: number, seed: number): Float32Array {
    const random = seeded(seed);
    const logits = new Float32Array(memory.buffer, X, V);
    for (let i = 0; i < V; i++) logits[i] = spread * normal(random);
    return logits;
  }

  function draw(logits: Float32Array, sampling: Sampling, position: number): number {
    const top = logits[kernels.argmax(X, logits.length)]!;
    const { a, b } = noiseKey(sampling.seed, position);
    return kernels.gumbelArgmax(X, logits.length, 0, 1 / sampling.temperature, keepFloor(logits, top, sampling), a, b);
  }

  test.each([0.6, 1, 1.5])("over positions follows the softmax at temperature %d (chi-square)", (temperature) => {
    const V = 26;
    const logits = fill(V, 1.5, 3);
    const weights = Array.from(logits, (l) => Math.exp(l / temperature));
    const total = weights.reduce((a, b) => a + b, 0);
    const draws = 40_000;
    const counts = new Array<number>(V).fill(0);
    for (let i = 0; i < draws; i++) counts[draw(logits, { ...PLAIN, temperature, seed: 77 }, i)]!++;
    const statistic = counts.reduce((sum, count, i) => {
      const expected = (draws * weights[i]!) / total;
      return sum + (count - expected) ** 2 / expected;
    }, 0);
    expect(chiSquareTail(statistic, V - 1)).toBeGreaterThan(1e-4);
  });

  test("is chooseToken's token, whatever the filters, temperature and spread", () => {
    const random = seeded(9);
    for (let i = 0; i < 400; i++) {
      const V = 1 + Math.floor(random() * 3000);
      const logits = fill(V, random() < 0.5 ? 1 : 6, i);
      const sampling: Sampling = {
        temperature: [0.05, 0.7, 1, 3][i % 4]!,
        topK: random() < 0.3 ? Math.floor(random() * 50) : 0,
        topP: random() < 0.3 ? random() : 1,
        minP: random() < 0.3 ? random() / 5 : 0,
        seed: Math.floor(random() * 2 ** 32),
      };
      expect(draw(logits, sampling, i), JSON.stringify({ V, sampling })).toBe(chooseToken(logits, sampling, i));
    }
  });

  test("skips forbidden tokens, and is the argmax when it is far ahead", () => {
    const logits = fill(50, 1, 1);
    logits.fill(Number.NEGATIVE_INFINITY, 0, 49);
    expect(draw(logits, PLAIN, 0)).toBe(49);
    logits.fill(0);
    logits[7] = 40;
    for (let position = 0; position < 100; position++) expect(draw(logits, PLAIN, position)).toBe(7);
  });

  // Sums of tens of thousands of floats in f32: a relative error of 5e-5 in a confidence is nothing.
  test("logSumExp gives the probabilities of the softmax", () => {
    for (const V of [1, 5, 1000, 49_152]) {
      const logits = fill(V, 4, V);
      const lse = kernels.logSumExp(X, V, 1);
      for (const token of [0, V >> 1, V - 1])
        expect(logits[token]! - lse).toBeCloseTo(logProbability(logits, token), 4);
    }
  });
});
