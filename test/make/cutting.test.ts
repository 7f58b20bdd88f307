/** What cutting and rounding compute, and how much text a time for them buys, counted by hand for the tiny model. */
import { describe, expect, test } from "vitest";
import { configOf } from "../../src/make/base.ts";
import { choiceProducts, cutReadings, roundReadings, streamBytes } from "../../src/make/cutting.ts";
import type { Base, DraftShape } from "../../src/make/shape.ts";
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

describe("the readings of rounded blocks", () => {
  const pass = 4 * block(64);
  /** Positions that GPTQ is to have here: 25 for each of the most columns. */
  const least = 25 * Math.max(embedding, 64);

  test("are of more text before they are more often", () => {
    const products = 9000 * (6 + 1.5 * 3) * pass;
    expect(roundReadings(base, shape, products, 1e6)).toEqual({ positions: 9000, times: 1.5, solved: 9000 });
  });

  test("are more often where there is no more text, up to six times", () => {
    const four = roundReadings(base, shape, 1000 * (6 + 4 * 3) * pass, 1000);
    expect(four.positions).toBe(1000);
    expect(four.times).toBeCloseTo(4, 9);
    expect(roundReadings(base, shape, 1e15, 1000)).toEqual({ positions: 1000, times: 6, solved: 1000 });
  });

  test("are none where the time buys too few, and GPTQ still has enough text", () => {
    const few = { positions: least, times: 0, solved: least };
    expect(roundReadings(base, shape, least * (6 + 1.4 * 3) * pass, 1e6)).toEqual(few);
    expect(roundReadings(base, shape, -1, 1e6)).toEqual(few);
  });

  test("are of no more text than the disk is to hold", () => {
    expect(roundReadings(base, shape, 1e18, 1e12).positions).toBe(room(4));
  });
});
