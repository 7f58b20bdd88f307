/** Greedy removal against brute force, on made-up agreements with interactions. */
import { describe, expect, test } from "vitest";
import { greedyRemoval } from "../../src/tools/compress/methods/depth.ts";
import { seeded } from "../support/random.ts";

describe("greedyRemoval", () => {
  test("removes the cheapest block, then the cheapest of what is left", async () => {
    // 1 and 2 are each cheap, but one of them must stay.
    const agreement = (layers: readonly number[]): number =>
      1 -
      [0.5, 0.1, 0.05, 0.2].reduce((sum, cost, layer) => sum + (layers.includes(layer) ? 0 : cost), 0) -
      (layers.includes(1) || layers.includes(2) ? 0 : 0.4);
    const steps = await Array.fromAsync(greedyRemoval([0, 1, 2, 3], 2, agreement));
    expect(steps.map(({ removed, layers }) => [removed, layers])).toEqual([
      [2, [0, 1, 3]],
      [3, [0, 1]],
    ]);
    expect(steps[0]!.worth).toBeCloseTo(0.95, 12);
    expect(steps[1]!.worth).toBeCloseTo(0.75, 12);
  });

  test.each([1, 2, 3])("each step is the best of all single removals (seed %i)", async (seed) => {
    const random = seeded(seed);
    const values = new Map<string, number>();
    const agreement = (layers: readonly number[]): number => {
      const key = layers.join(" ");
      if (!values.has(key)) values.set(key, random());
      return values.get(key)!;
    };
    let before = [0, 1, 2, 3, 4, 5, 6, 7];
    for await (const step of greedyRemoval(before, 3, agreement)) {
      const all = before.map((removed) => agreement(before.filter((layer) => layer !== removed)));
      expect(step.worth).toBe(Math.max(...all));
      expect(step.layers).toEqual(before.filter((layer) => layer !== step.removed));
      before = [...step.layers];
    }
    expect(before.length).toBe(3);
  });

  test("goes on from where an earlier run stopped", async () => {
    const agreement = (layers: readonly number[]): number => layers.reduce((sum, layer) => sum + (layer % 3), 0);
    const all = await Array.fromAsync(greedyRemoval([0, 1, 2, 3, 4, 5], 2, agreement));
    expect(await Array.fromAsync(greedyRemoval(all[1]!.layers, 2, agreement))).toEqual(all.slice(2));
  });
});
