/** Which blocks go, by calibrations that are made up. */
import { expect, test } from "vitest";
import { readPack } from "../../../src/core/format/pack-reader.ts";
import { blockTensor } from "../../../src/core/model/tensors.ts";
import { openDirectory } from "../../../src/core/platform/disk.ts";
import type { Calibration } from "../../../src/tools/compress/calibrate/calibration.ts";
import {
  chooseBlocks,
  type ShortenedLlama,
  shortenedLlama,
} from "../../../src/tools/compress/stages/shortened-llama.ts";
import { TINY_PACKS } from "../../support/tiny.ts";

const tiny = await readPack(openDirectory(TINY_PACKS.target));
const shape = (name: string) => tiny.tensors.get(name)!;

/** Blocks 3 and 5 are cheap, but not both. */
const COST = [9, 6, 5, 1, 8, 2];
const calibration: Calibration = {
  compress: async () => new Map(),
  eachBlock: async () => new Map(),
  round: async () => [],
  perplexity: async (_, layers) =>
    COST.reduce((sum, own, layer) => sum + (layers.includes(layer) ? 0 : own), 20) +
    (layers.includes(3) || layers.includes(5) ? 0 : 100),
  // Here block 4 alone is what drafts need.
  agreement: async (_, layers) => (layers.includes(4) ? 1 : 0) + layers.reduce((sum, layer) => sum + layer, 0) / 1000,
  gradients: async () => (name) => {
    const layer = Number(/\.(\d)\./.exec(name)![1]);
    return { gradient: new Float32Array(shape(name).rows * shape(name).cols).fill(layer === 4 ? 1e-3 : -1) };
  },
  counts: async () => [],
  influence: async () => [0.9, 0.5, 0.1, 0.3, 0.2, 0.8],
  moments: async () => [],
};

const choose = (criterion: ShortenedLlama["criterion"], remove: number) =>
  chooseBlocks(tiny, { stage: "shortened-llama", criterion, remove, plus: false }, calibration);

test("one ranking takes blocks that are cheap alone; agreement is measured of what is left", async () => {
  expect(await choose("perplexity", 3)).toEqual([3, 5, 2]);
  expect(await choose("acceptance", 3)).toEqual([0, 1, 2]);
  expect((await choose("acceptance", 5)).includes(4)).toBe(false);
  expect(await choose("influence", 2)).toEqual([2, 4]);
  expect((await choose("taylor", 1))[0]).toBe(4);
});

test("the blocks are gone and the recipe says why", async () => {
  const stage: ShortenedLlama = { stage: "shortened-llama", criterion: "acceptance", remove: 3, plus: false };
  const made = await shortenedLlama(tiny, stage, calibration);
  expect(made.config.layers).toBe(3);
  expect(made.tensors.get(blockTensor(1, "mlp.up_proj.weight"))).toBe(shape(blockTensor(4, "mlp.up_proj.weight")));
  expect(made.recipe).toEqual([...tiny.recipe, { ...stage, found: { removed: [0, 1, 2] } }]);
});

test("refuses to remove more than may go", async () => {
  await expect(choose("perplexity", 6)).rejects.toThrow("at most 5 can go");
  const plus: ShortenedLlama = { stage: "shortened-llama", criterion: "taylor", remove: 1, plus: true };
  await expect(chooseBlocks(tiny, plus, calibration)).rejects.toThrow("at most 0 can go with plus");
});
