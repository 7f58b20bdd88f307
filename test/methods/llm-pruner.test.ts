/**
 * Importances against torch's, and the first order against finite differences of the loss (golden/make_llm_pruner.py).
 */
import { expect, test } from "vitest";
import type { LlamaConfig } from "../../src/core/model/config.ts";
import { attentionGroups, hiddenGroups, mlpGroups } from "../../src/tools/compress/methods/groups.ts";
import {
  type Aggregation,
  groupImportance,
  type LineImportance,
  lineImportance,
  type Salience,
  type TensorEvidence,
} from "../../src/tools/compress/methods/llm-pruner.ts";
import { fromBase64, goldenJson } from "../support/golden.ts";

const { sizes, tensors, importance, slopes } = goldenJson("llm_pruner.json");
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

function evidence(name: string): TensorEvidence {
  const { shape, values, gradient, squares } = tensors[name];
  const [rows, cols] = shape.length === 1 ? [1, shape[0]] : shape;
  return { rows, cols, values: floats(values), gradient: floats(gradient), squares: floats(squares) };
}

const linesBy =
  (salience: Salience) =>
  (name: string): LineImportance =>
    lineImportance(salience, evidence(name));

function expectClose(ours: ArrayLike<number>, golden: readonly number[]): void {
  expect(ours.length).toBe(golden.length);
  for (const [n, value] of golden.entries()) expect(Math.abs(ours[n]! - value)).toBeLessThanOrEqual(1e-9 * value);
}

const SALIENCES: readonly Salience[] = ["vector", "first", "second", "mixed"];
const AGGREGATIONS: readonly Aggregation[] = ["sum", "prod", "max", "last"];

test.each(SALIENCES.flatMap((salience) => AGGREGATIONS.map((aggregation) => [salience, aggregation] as const)))(
  "%s salience, %s of the members: torch's importances",
  (salience, aggregation) => {
    const lines = linesBy(salience);
    for (const [layer, golden] of importance[salience].blocks.entries()) {
      const ofBlock = (groups: typeof attentionGroups) => groupImportance(groups(config, layer), lines, aggregation);
      expectClose(ofBlock(attentionGroups), golden.attention[aggregation]);
      expectClose(ofBlock(mlpGroups), golden.mlp[aggregation]);
    }
    expectClose(groupImportance(hiddenGroups(config), lines, aggregation), importance[salience].hidden[aggregation]);
  },
);

test.each(Object.keys(slopes))("%s: a line's vector salience is the slope of the loss along its scale", (name) => {
  const { axis, values } = slopes[name] as { axis: "rows" | "cols"; values: number[] };
  const ours = lineImportance("vector", evidence(name))[axis];
  const largest = Math.max(...values);
  for (const [n, value] of values.entries()) expect(Math.abs(ours[n]! - value)).toBeLessThan(1e-6 * largest);
});

test("second order without squared gradients is refused", () => {
  const { squares: _, ...first } = evidence("model.layers.0.mlp.up_proj.weight");
  expect(() => lineImportance("mixed", first)).toThrow("squared gradients");
});
