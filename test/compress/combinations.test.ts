/** Stages behind each other, on random models of narrow blocks: each takes what the one before leaves. */

import { afterAll, describe, expect, test } from "vitest";
import { loadLlama } from "../../src/core/draft/llama.ts";
import { evenWidth } from "../../src/core/format/even-width.ts";
import { type PackedModel, writePack } from "../../src/core/format/pack.ts";
import { readPack } from "../../src/core/format/pack-reader.ts";
import { decodeTensor } from "../../src/core/model/decode.ts";
import { blockTensor } from "../../src/core/model/tensors.ts";
import { openDirectory } from "../../src/core/platform/disk.ts";
import { Calibrator } from "../../src/tools/compress/calibrate/calibrator.ts";
import { FloatLlama } from "../../src/tools/compress/calibrate/float-llama.ts";
import { answers } from "../../src/tools/compress/calibrate/scoring/perplexity.ts";
import { Pool } from "../../src/tools/compress/calibrate/threads/pool.ts";
import { runStages } from "../../src/tools/compress/pipeline.ts";
import type { Stage } from "../../src/tools/compress/recipe.ts";
import { RECIPES } from "../../src/tools/compress/recipes.ts";
import { packable } from "../../src/tools/compress/rounding/packable.ts";
import { textOf } from "../support/calibration.ts";
import { MemoryDirectory } from "../support/files.ts";
import { kernelModules } from "../support/kernels.ts";
import { seeded } from "../support/random.ts";
import { randomModel } from "../support/random-model.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const tiny = await readPack(openDirectory(TINY_PACKS.target));
const shape = { heads: 2, kvHeads: 1, feedForward: 320 };
const random = seeded(13);
const tokens = (length: number) => Array.from({ length }, () => Math.floor(random() * 512));
const windows = Array.from({ length: 2 }, () => tokens(24));
const texts = Array.from({ length: 2 }, () => ({ prompt: tokens(3), answer: tokens(9) }));
const pool = await Pool.open(2);
const calibration = () => new Calibrator(pool, textOf(windows, texts));
afterAll(() => pool[Symbol.asyncDispose]());

const values = (model: PackedModel, layer: number, suffix: string): Float32Array => {
  const tensor = model.tensors.get(blockTensor(layer, suffix))!;
  return decodeTensor(tensor, tensor.bytes);
};
const matrices = ({ tensors }: PackedModel) =>
  [...tensors].filter(([name, { rows }]) => name.startsWith("model.layers.") && rows > 1);

/** Share of a window's positions where the service's engine says what the float model of the same values does. */
async function engineAgreement(model: PackedModel): Promise<number> {
  const directory = new MemoryDirectory();
  const header = await writePack(packable(model), directory);
  const shards = async function* (index: number) {
    yield directory.files.get(header.shards[index]!.file)!;
  };
  const engine = await loadLlama(header, shards, kernelModules(), { pages: 1, rows: 1 });
  const floats = new FloatLlama(pool, evenWidth(packable(model)));
  const cache = engine.newCache();
  let same = 0;
  for await (const { argmax } of answers(floats, windows.slice(0, 1))) {
    for (const [t, expected] of argmax.entries()) {
      engine.forward(cache, [windows[0]![t]!], 1);
      if (engine.argmax(0) === expected) same++;
    }
  }
  floats.release();
  return same / (windows[0]!.length - 1);
}

/** LLM-Pruner's recipes name blocks of thirty; test/workerd/recipes.test.ts runs them on so many, here are ten. */
const onTen = (stage: Stage): Stage =>
  stage.stage === "llm-pruner" ? { ...stage, blocks: [stage.blocks[0], stage.blocks[1] - 20] } : stage;

test("a recipe that combines papers makes a model of its shape which the engine runs", async () => {
  const base = randomModel(tiny, { ...shape, layers: 10 }, 10);
  const { stages } = RECIPES["draft-front-mlp-20-w4"]!;
  const made = await runStages(base, { model: "made", stages: stages.map(onTen) }, calibration());
  expect(made.config.layers).toBe(10);
  expect(made.config.widths).toBeDefined();
  for (const [, tensor] of matrices(made)) expect(tensor).toMatchObject({ format: "lut4" });
  expect(values(made, 3, "mlp.up_proj.weight")).toHaveLength(256 * 64);
  expect(await engineAgreement(made)).toBeGreaterThan(0.9);
});

describe("SqueezeLLM", () => {
  const base = randomModel(tiny, { ...shape, layers: 4 }, 14);
  const run = (...stages: Stage[]) => runStages(base, { model: "made", stages }, calibration());

  test("after width pruning rounds by the gradients of the narrow model", async () => {
    const [pruner] = RECIPES["draft-front-mlp-20-w4"]!.stages;
    const narrow = await run({ ...pruner, blocks: [1, 2] } as Stage);
    const gradientOf = await calibration().gradients(narrow, true);
    const padded = await calibration().gradients(evenWidth(narrow), true);
    for (const suffix of ["mlp.gate_proj.weight", "mlp.down_proj.weight"]) {
      const name = blockTensor(2, suffix);
      const { rows, cols } = narrow.tensors.get(name)!;
      const width = evenWidth(narrow).tensors.get(name)!.cols;
      const { squares } = gradientOf(name);
      const corner = (_: number, at: number) => padded(name).squares![Math.floor(at / cols) * width + (at % cols)]!;
      expect(squares).toEqual(Float32Array.from({ length: rows * cols }, corner));
    }
  });
});
