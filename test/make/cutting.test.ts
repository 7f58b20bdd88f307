/** What cutting computes, counted by hand for the tiny model. */
import { expect, test } from "vitest";
import { configOf } from "../../src/make/base.ts";
import { choiceProducts, cuttingProducts } from "../../src/make/cutting.ts";
import type { Base, DraftShape } from "../../src/make/shape.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const config = await configOf(TINY_PACKS.target);
const base: Base = { config, tokens: 512, always: 272 };
const { layers, embedding, feedForward, heads, kvHeads, headSize } = config;
const whole: DraftShape = { blocks: layers, mlp: feedForward, head: 320, format: "lut4" };
/** Positions of 64 windows. */
const POSITIONS = 64 * 256;

/** Multiply-adds of a position in a block, its two norms among them. */
const block = (mlp: number): number =>
  2 * embedding * heads * headSize + 2 * embedding * kvHeads * headSize + 3 * embedding * mlp + 2 * embedding;

test("a model that stays whole, or loses named blocks, takes nothing", () => {
  expect(cuttingProducts(base, whole, "all")).toBe(0);
  expect(cuttingProducts(base, { ...whole, blocks: 4 }, "named")).toBe(0);
});

test("one pass ranks the blocks", () => {
  expect(cuttingProducts(base, { ...whole, blocks: 4 }, "influence")).toBe(POSITIONS * layers * block(feedForward));
});

test("each removal tries each block that is left, for half a pass", () => {
  const tries = layers + (layers - 1);
  const logits = config.vocabulary * embedding;
  const products = tries * 4000 * (layers * block(feedForward) + embedding + logits);
  expect(choiceProducts(base, { ...whole, blocks: layers - 2 }, "acceptance")).toBe(products / 2);
});

test("narrowing ranks channels behind narrowed blocks, and fits them beside the whole model", () => {
  const shape = { ...whole, blocks: 4, mlp: 64 };
  const ranking = 4 * (block(feedForward) + block(64));
  const streams = layers * block(feedForward) + 4 * block(64);
  const equations = 4 * ((64 * 64) / 2 + 64 * embedding);
  expect(cuttingProducts(base, shape, "named")).toBe(POSITIONS * (ranking + streams + equations));
});
