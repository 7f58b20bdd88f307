/**
 * Depth pruning on the tiny model, and that the pruned pack computes what the whole one computes with blocks left out.
 */
import { expect, test } from "vitest";
import { readPack } from "../../../src/core/format/pack-reader.ts";
import { blockTensor, EMBEDDING } from "../../../src/core/model/tensors.ts";
import { openDirectory } from "../../../src/core/platform/disk.ts";
import { pruneDepth } from "../../../src/tools/compress/stages/prune-depth.ts";
import { loadPack, TINY_PACKS } from "../../support/tiny.ts";

const whole = await readPack(openDirectory(TINY_PACKS.target));

test("kept blocks are the same bytes under new numbers; the rest is gone", () => {
  const pruned = pruneDepth(whole, { stage: "prune-depth", keep: [1, 4, 5] });
  expect(pruned.config).toEqual({ ...whole.config, layers: 3 });
  expect(pruned.tensors.size).toBe(whole.tensors.size - 3 * 9);
  for (const [n, layer] of [1, 4, 5].entries()) {
    for (const suffix of ["self_attn.q_proj.weight", "mlp.down_proj.weight", "input_layernorm.weight"]) {
      const tensor = pruned.tensors.get(blockTensor(n, suffix));
      expect(tensor).toBeDefined();
      expect(tensor).toBe(whole.tensors.get(blockTensor(layer, suffix)));
    }
  }
  expect(pruned.tensors.get(EMBEDDING)).toBe(whole.tensors.get(EMBEDDING));
});

test("the header says how it was made, also after a second cut", () => {
  const once = pruneDepth(whole, { stage: "prune-depth", keep: [0, 1, 2, 4] });
  const twice = pruneDepth(once, { stage: "prune-depth", keep: [0, 3] });
  expect(twice.recipe).toEqual([
    ...whole.recipe,
    { stage: "prune-depth", keep: [0, 1, 2, 4] },
    { stage: "prune-depth", keep: [0, 3] },
  ]);
  expect(twice.tensors.get(blockTensor(1, "mlp.up_proj.weight"))).toBe(
    whole.tensors.get(blockTensor(4, "mlp.up_proj.weight")),
  );
});

test.each([[[0, 6]], [[2, 1]], [[1, 1]]])("refuses to keep %j of six blocks", (keep) => {
  expect(() => pruneDepth(whole, { stage: "prune-depth", keep })).toThrow(/keep\[1\].*0 to 5/);
});

test("the draft pack computes what the whole pack computes with the other blocks skipped", async () => {
  const draft = await loadPack(TINY_PACKS.draft, 2, 4);
  const target = await loadPack(TINY_PACKS.target, 2, 4);
  target.layers = [0, 1, 4];
  const tokens = [1, 300, 45, 200, 77, 411];
  expect(draft.forward(draft.newCache(), tokens, 4)).toEqual(target.forward(target.newCache(), tokens, 4));
});
