/** The opinion of model and lookup together, computed once more by its formula. */
import { describe, expect, test } from "vitest";
import { pooled } from "../../src/core/draft/pool.ts";
import type { Proposed } from "../../src/core/speculate/types.ts";
import { seeded } from "../support/random.ts";

const proposal = (source: "model" | "lookup", ...chances: readonly (readonly [number, number])[]): Proposed => {
  const [first, ...others] = chances.map(([id, confidence]) => ({ id, confidence, source }));
  return { ...first!, others };
};
const list = ({ others = [], ...first }: Proposed) => [first, ...others];
const chanceOf = (of: Proposed, id: number) => list(of).find((each) => each.id === id)?.confidence ?? 0;

const WEIGHT = 0.4;

describe("of one position", () => {
  test("is p(model) · p(copy)^weight over the sum of all, a token that nobody names among them", () => {
    const random = seeded(8);
    for (let i = 0; i < 200; i++) {
      const draw = (source: "model" | "lookup") => {
        const ids = [0, 1, 2, 3, 4, 5].sort(() => random() - 0.5).slice(0, 1 + Math.floor(random() * 4));
        return proposal(source, ...ids.map((id) => [id, 0.02 + random() / 5] as const));
      };
      const [own, copy] = [draw("model"), draw("lookup")];
      const weight = (id: number) => (chanceOf(own, id) || 0.02) * (chanceOf(copy, id) || 0.03) ** WEIGHT;
      const ids = [...new Set([...list(own), ...list(copy)].map(({ id }) => id))];
      const total = ids.reduce((sum, id) => sum + weight(id), 0.02 * 0.03 ** WEIGHT);
      const both = list(pooled(own, copy, WEIGHT));
      expect(both.map(({ id }) => id).sort()).toEqual(ids.sort());
      for (const { id, confidence } of both) expect(confidence).toBeCloseTo(weight(id) / total, 12);
      const chances = both.map(({ confidence }) => confidence);
      expect(chances).toEqual([...chances].sort((a, b) => b - a));
    }
  });

  test("is surer where both name one token, and less sure where they differ", () => {
    const own = proposal("model", [1, 0.6], [2, 0.3], [3, 0.1]);
    expect(pooled(own, proposal("lookup", [1, 0.5]), WEIGHT).confidence).toBeGreaterThan(0.75);
    const split = pooled(own, proposal("lookup", [2, 0.1]), WEIGHT);
    expect([split.id, split.others![0]!.id]).toEqual([1, 2]);
    expect(split.confidence).toBeLessThan(0.6);
    expect(pooled(own, proposal("lookup", [2, 0.95], [1, 0.01]), WEIGHT).id).toBe(2);
    // A model that is seldom right lets copies win sooner.
    expect(pooled(own, proposal("lookup", [2, 0.1]), 1.5).id).toBe(2);
  });

  test("names as a token's source whoever thinks it likelier", () => {
    const both = pooled(proposal("model", [1, 0.6], [2, 0.2]), proposal("lookup", [2, 0.5], [1, 0.3]));
    expect(new Map(list(both).map(({ id, source }) => [id, source]))).toEqual(
      new Map([
        [1, "model"],
        [2, "lookup"],
      ]),
    );
  });
});
