/** Which shape a budget buys, against the pack that is really made and against a search of all shapes. */

import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { packBytes } from "../../src/core/format/pack-header.ts";
import { baseOf, configOf } from "../../src/tools/make/base.ts";
import { chooseShape } from "../../src/tools/make/budget.ts";
import { type Base, type DraftFormat, draftBytes } from "../../src/tools/make/shape.ts";
import { describeTarget } from "../../src/tools/service/assets.ts";
import { packHeader, TINY_PACKS } from "../support/tiny.ts";

const shipped = (draft: string): string => fileURLToPath(new URL(`../../models/${draft}/pack`, import.meta.url));

/** The shape of Qwen2.5-Coder-0.5B, as a Llama. */
const QWEN: Base = {
  config: {
    layers: 24,
    heads: 14,
    kvHeads: 2,
    headSize: 64,
    embedding: 896,
    feedForward: 4864,
    vocabulary: 151936,
    context: 32768,
    ropeTheta: 1e6,
    normEpsilon: 1e-6,
    tied: true,
    bosId: 0,
    eosIds: [151645],
  },
  tokens: 151936,
  always: 600,
};

test.each([
  ["smollm2-135m-draft-m", "lut4"],
  ["qwen2.5-coder-draft-m", "q2had+q3had"],
  ["qwen2.5-coder-draft-l", "q2add+q3add"],
] as const)("bytes are those of the shipped %s", (draft, format) => {
  const { config, vocabulary, ...header } = packHeader(shipped(draft));
  const shape = {
    blocks: config.layers,
    heads: config.heads,
    mlp: config.feedForward,
    head: config.vocabulary,
    format,
  };
  const told = draftBytes({ config, tokens: vocabulary.size, always: 0 }, shape);
  const real = packBytes({ config, vocabulary, ...header });
  expect(told / real).toBeGreaterThan(0.999);
  expect(told / real).toBeLessThan(1.001);
});

describe.each([15e6, 20e6, 30e6, 60e6, 120e6, 300e6])("%i bytes of Qwen's 0.5B", (budget) => {
  const shape = chooseShape(QWEN, budget, "lut4");

  test("are kept, and one block more would not fit, unless all fit", () => {
    expect(draftBytes(QWEN, shape)).toBeLessThanOrEqual(budget);
    if (shape.blocks < 24) expect(draftBytes(QWEN, { ...shape, blocks: shape.blocks + 1 })).toBeGreaterThan(budget);
  });

  test("go to depth before width", () => {
    if (shape.blocks < 24) expect(shape.mlp).toBeLessThanOrEqual(448);
    else expect(shape.mlp).toBeGreaterThanOrEqual(448);
    expect(shape.mlp % 64).toBe(0);
  });
});

test("more bytes never buy fewer blocks of the same head, and fewer bits buy more", () => {
  const blocks = (budget: number, format: DraftFormat) => chooseShape(QWEN, budget, format, { head: 16384 }).blocks;
  for (let budget = 20e6; budget < 100e6; budget += 5e6) {
    expect(blocks(budget + 5e6, "lut4")).toBeGreaterThanOrEqual(blocks(budget, "lut4"));
    expect(blocks(budget, "q2had+q3had")).toBeGreaterThanOrEqual(blocks(budget, "lut4"));
  }
});

test("what was asked for stands", () => {
  const wishes = { blocks: 12, heads: 8, mlp: 1216, head: 16384 };
  expect(chooseShape(QWEN, 45e6, "lut4", wishes)).toEqual({ ...wishes, format: "lut4" });
});

test("the smallest budget that would do is told, and does", () => {
  let told = 0;
  try {
    chooseShape(QWEN, 1e6, "lut4");
  } catch (error) {
    told = Number(/take (\d+\.\d+) MB/.exec((error as Error).message)?.[1]) * 1e6;
  }
  expect(told).toBeGreaterThan(1e6);
  expect(draftBytes(QWEN, chooseShape(QWEN, told, "lut4"))).toBeLessThanOrEqual(told);
  expect(() => chooseShape(QWEN, told - 20_000, "lut4")).toThrow(/too small/);
});

test("the tiny model keeps bytes, special and end tokens", async () => {
  const target = await describeTarget(TINY_PACKS.target);
  const base = baseOf(await configOf(TINY_PACKS.target), target.tokenizer, target.stopIds);
  expect({ tokens: base.tokens, always: base.always }).toEqual({ tokens: 512, always: 259 });
});
