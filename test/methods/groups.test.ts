/** Every weight that a group is to take belongs to exactly one group of its kind. */
import { expect, test } from "vitest";
import type { LlamaConfig } from "../../src/core/model/config.ts";
import { tensorShapes } from "../../src/core/model/tensors.ts";
import { attentionGroups, type Group, mlpGroups } from "../../src/tools/compress/methods/groups.ts";

const plain: LlamaConfig = {
  layers: 2,
  heads: 9,
  kvHeads: 3,
  headSize: 32,
  embedding: 64,
  feedForward: 96,
  vocabulary: 80,
  context: 64,
  ropeTheta: 10000,
  normEpsilon: 1e-5,
  tied: false,
  bosId: 0,
  eosIds: [1],
};

/** How often each weight of each tensor lies in a group. */
function coverage(config: LlamaConfig, groups: readonly Group[]): Map<string, Set<number>> {
  const counts = new Map(tensorShapes(config).map(({ name, rows, cols }) => [name, new Uint8Array(rows * cols)]));
  const shapes = new Map(tensorShapes(config).map((shape) => [shape.name, shape]));
  for (const { tensor, axis, start, count } of groups.flat()) {
    const { rows, cols } = shapes.get(tensor)!;
    for (let line = start; line < start + count; line++) {
      const across = axis === "rows" ? cols : rows;
      for (let n = 0; n < across; n++) counts.get(tensor)![axis === "rows" ? line * cols + n : n * cols + line]!++;
    }
  }
  return new Map([...counts].map(([name, own]) => [name, new Set(own)]));
}

const CONFIGS = [plain, { ...plain, qkvBias: true }, { ...plain, qkNorm: true }] as const;

test.each(CONFIGS)(
  "heads and channels take every matrix of the blocks once, its bias too, and nothing else",
  (config) => {
    const groups = [0, 1].flatMap((layer) => [...attentionGroups(config, layer), ...mlpGroups(config, layer)]);
    for (const [name, counts] of coverage(config, groups)) {
      expect([name, ...counts]).toEqual([name, name.includes("_proj") ? 1 : 0]);
    }
  },
);

test("the query heads of a key head are its neighbours", () => {
  const [query, , , output] = attentionGroups(plain, 1)[2]!;
  expect(query).toEqual({ tensor: "model.layers.1.self_attn.q_proj.weight", axis: "rows", start: 192, count: 96 });
  expect(output).toEqual({ tensor: "model.layers.1.self_attn.o_proj.weight", axis: "cols", start: 192, count: 96 });
});

test("blocks of their own width have their own groups", () => {
  const widths = [
    { kvHeads: 1, feedForward: 32 },
    { kvHeads: 3, feedForward: 96 },
  ];
  expect(attentionGroups({ ...plain, widths }, 0)).toHaveLength(1);
  expect(mlpGroups({ ...plain, widths }, 0)).toHaveLength(32);
});
