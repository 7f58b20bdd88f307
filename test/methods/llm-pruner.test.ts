/** Importances against torch's (golden/make_llm_pruner.py), and what is kept by them. */
import { expect, test } from "vitest";
import type { LlamaConfig } from "../../src/core/model/config.ts";
import { attentionGroups, mlpGroups } from "../../src/tools/compress/methods/groups.ts";
import {
  groupImportance,
  groupsKept,
  type LineImportance,
  lineImportance,
  mostImportant,
} from "../../src/tools/compress/methods/llm-pruner.ts";
import { fromBase64, goldenJson } from "../support/golden.ts";

const { sizes, tensors, importance } = goldenJson("llm_pruner.json");
const config: LlamaConfig = {
  ...sizes,
  context: 64,
  ropeTheta: 10000,
  normEpsilon: 1e-6,
  tied: true,
  bosId: 0,
  eosIds: [],
};

const floats = (text: string) => new Float32Array(new Uint8Array(fromBase64(text)).buffer);

function linesOf(name: string): LineImportance {
  const { shape, values, gradient } = tensors[name];
  const [rows, cols] = shape.length === 1 ? [1, shape[0]] : shape;
  return lineImportance(rows, cols, floats(values), floats(gradient));
}

function expectClose(ours: ArrayLike<number>, golden: readonly number[]): void {
  expect(ours.length).toBe(golden.length);
  for (const [n, value] of golden.entries()) expect(Math.abs(ours[n]! - value)).toBeLessThanOrEqual(1e-9 * value);
}

test("importances of heads and channels are torch's", () => {
  for (const [layer, golden] of importance.first.blocks.entries()) {
    expectClose(groupImportance(attentionGroups(config, layer), linesOf), golden.attention.sum);
    expectClose(groupImportance(mlpGroups(config, layer), linesOf), golden.mlp.sum);
  }
});

test.each([
  [1536, 1, 0.2, 1228],
  [1536, 1, 0.3, 1075],
  [1536, 1, 1 / 3, 1024],
  [3, 64, 1 / 3, 2],
  // 48 channels are no whole head.
  [3, 64, 0.25, 3],
  [10, 1, 0.9, 1],
  [7, 1, 0, 7],
])("of %i groups of %i lines the ratio %f leaves %i", (groups, lines, ratio, kept) => {
  expect(groupsKept(groups, lines, ratio)).toBe(kept);
});

test("the best stay; among equals the later goes", () => {
  expect(mostImportant(Float64Array.of(5, 1, 4, 2), 1, 0.5)).toEqual([0, 2]);
  expect(mostImportant(Float64Array.of(7, 7, 7, 7), 1, 0.5)).toEqual([0, 1]);
});
