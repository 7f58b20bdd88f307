/** What cutting and rounding compute, and how much text a time for them buys, counted by hand for the tiny model. */
import { describe, expect, test } from "vitest";
import { configOf } from "../../src/tools/make/base.ts";
import {
  choiceProducts,
  cutReadings,
  roundingProducts,
  roundPositions,
  streamBytes,
} from "../../src/tools/make/cutting.ts";
import type { Base, DraftShape } from "../../src/tools/make/shape.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const config = await configOf(TINY_PACKS.target);
const base: Base = { config, tokens: 512, always: 272 };
const { layers, embedding, feedForward, heads, kvHeads, headSize } = config;
const whole: DraftShape = { blocks: layers, heads, mlp: feedForward, head: 320, format: "lut4" };
/** Positions of 64 windows. */
const POSITIONS = 64 * 256;

/** Multiply-adds of a position in a block, its two norms among them. */
const block = (mlp: number): number =>
  2 * embedding * heads * headSize + 2 * embedding * kvHeads * headSize + 3 * embedding * mlp + 2 * embedding;

test("a model that keeps all or named blocks has no choice to make", () => {
  expect(choiceProducts(base, whole, "all")).toBe(0);
  expect(choiceProducts(base, { ...whole, blocks: 4 }, "named")).toBe(0);
});

test("one pass ranks the blocks", () => {
  expect(choiceProducts(base, { ...whole, blocks: 4 }, "influence")).toBe(POSITIONS * layers * block(feedForward));
});

test("each removal tries each block that is left, for half a pass", () => {
  const tries = layers + (layers - 1);
  const logits = config.vocabulary * embedding;
  const products = tries * 4000 * (layers * block(feedForward) + embedding + logits);
  expect(choiceProducts(base, { ...whole, blocks: layers - 2 }, "acceptance")).toBe(products / 2);
});

const shape = { ...whole, blocks: 4, mlp: 64 };
/** Positions whose streams the disk is to hold, with so many blocks. */
const room = (blocks: number) => Math.floor(6e9 / (2 * embedding * (blocks + 1)));

describe("a cut", () => {
  const pass = 4 * block(64);
  const once = layers * block(feedForward) + pass;
  const solving = 4 * block(feedForward) + (4 * 64 * 64) / 2;
  /** Positions that least squares are to have here: 25 for each channel. */
  const least = 25 * 64;

  test("is on more text before blocks read it more often than three times, and solved on what that needs", () => {
    const { positions, times, solved } = cutReadings(base, shape, least * solving + 9000 * (once + 3 * 3 * pass), 1e6);
    expect(positions).toBe(9000);
    expect(times).toBeCloseTo(3, 9);
    expect(solved).toBe(least);
  });

  test("teaches blocks less where the text is what least squares need, and not at all where time buys no more", () => {
    const two = cutReadings(base, shape, least * (once + solving + 2 * 3 * pass), 1e6);
    expect(two.positions).toBe(least);
    expect(two.times).toBeCloseTo(2, 9);
    const all = (positions: number) => ({ positions, times: 0, solved: positions });
    expect(cutReadings(base, shape, least * (once + solving + 3 * pass), 1e6)).toEqual(all(least));
    expect(cutReadings(base, shape, 100.5 * (once + solving), 1e6)).toEqual(all(100));
    expect(cutReadings(base, shape, 1, 1e6)).toEqual(all(1));
  });

  test("is on no more than there is, or than the disk is to hold", () => {
    expect(cutReadings(base, shape, 1e18, 700)).toEqual({ positions: 700, times: 6, solved: 700 });
    expect(cutReadings(base, shape, 1e18, 1e12).positions).toBe(room(layers));
    expect(streamBytes(base, 1e12)).toBe(6e9);
    expect(streamBytes(base, 10)).toBe(20 * embedding * (layers + 1));
  });
});

describe("rounding", () => {
  const pass = 4 * block(64);
  const columns = Math.max(embedding, 64);

  test("reads as much text as its time buys, between 25 and 125 positions for each of the most columns", () => {
    expect(roundPositions(base, shape, 60 * columns * 10 * pass, 1e6)).toBe(60 * columns);
    expect(roundPositions(base, shape, -1, 1e6)).toBe(25 * columns);
    expect(roundPositions(base, shape, 1e18, 1e6)).toBe(125 * columns);
    expect(roundingProducts(base, shape)).toBe(125 * columns * 10 * pass);
  });

  test("reads no more than there is", () => {
    expect(roundPositions(base, shape, 1e18, 700)).toBe(700);
  });

  test("reads no more than the disk is to hold", () => {
    const wide = { ...base, config: { ...config, embedding: 4096 } };
    expect(roundPositions(wide, shape, 1e18, 1e12)).toBe(Math.floor(6e9 / (2 * 4096 * (4 + 1))));
  });
});
