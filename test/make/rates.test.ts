/** How fast a draft is taught. */
import { expect, test } from "vitest";
import { configOf } from "../../src/make/base.ts";
import { ratesFor } from "../../src/make/rates.ts";
import type { Base, DraftShape } from "../../src/make/shape.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const config = await configOf(TINY_PACKS.target);
const base: Base = { config, tokens: 512, always: 272 };
const whole: DraftShape = { blocks: config.layers, mlp: config.feedForward, head: 320, format: "lut4" };

test.each([
  ["repaired after its MLPs were narrowed", { mlp: 64 }, 1e-4],
  ["repaired after blocks and channels went", { mlp: 64, blocks: 4 }, 1e-4],
  ["left whole", {}, 1e-4],
  ["left without blocks, unrepaired", { blocks: 4 }, 7e-4],
])("a model %s", (_, cut, teach) => {
  expect(ratesFor(base, { ...whole, ...cut }, undefined).teach).toBe(teach);
});

test("a rate that the user names holds for teaching and rounding", () => {
  expect(ratesFor(base, whole, 5e-4)).toEqual({ teach: 5e-4, round: 5e-4 });
});
