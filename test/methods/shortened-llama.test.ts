/**
 * Block scores by hand, and orders of the real model from scores that transformers measured
 * (golden/make_block_scores.py).
 */
import { describe, expect, test } from "vitest";
import {
  perplexityScores,
  plusBlocks,
  removalOrder,
  taylorScore,
} from "../../src/tools/compress/methods/shortened-llama.ts";
import { goldenJson } from "../support/golden.ts";

test("Taylor adds up over the tensors of a block", () => {
  const tensors = [
    { values: Float32Array.of(1, -2), gradient: Float32Array.of(-3, 0.5) },
    { values: Float32Array.of(4), gradient: Float32Array.of(-0.25) },
  ];
  expect(taylorScore(tensors)).toBe(5);
});

test("the perplexity scan leaves out each block once", async () => {
  const cost = [100, 3, 7, 1];
  const asked: string[] = [];
  const scores = await perplexityScores(4, async (layers) => {
    asked.push(layers.join(" "));
    return cost.reduce((sum, own, layer) => sum + (layers.includes(layer) ? 0 : own), 10);
  });
  expect(asked).toEqual(["1 2 3", "0 2 3", "0 1 3", "0 1 2"]);
  expect(scores).toEqual([110, 13, 17, 11]);
  expect(removalOrder(scores, [])).toEqual([3, 1, 2, 0]);
  expect(removalOrder(scores, [1])).toEqual([3, 2, 0]);
});

test("among equals the later block goes first", () => {
  expect(removalOrder([2, 1, 1, 2], [])).toEqual([2, 1, 3, 0]);
});

test("'+' protects the first four and the last two", () => {
  expect(plusBlocks(30)).toEqual([0, 1, 2, 3, 28, 29]);
});

describe("golden scores of SmolLM2-135M", () => {
  const { scores, orders } = goldenJson("block_scores.json");

  test.each(["magnitude", "taylor", "perplexity", "influence"])("%s: the order, with and without '+'", (criterion) => {
    expect(removalOrder(scores[criterion], []).slice(0, 10)).toEqual(orders[criterion].plain);
    expect(removalOrder(scores[criterion], plusBlocks(30)).slice(0, 10)).toEqual(orders[criterion].plus);
  });
});
