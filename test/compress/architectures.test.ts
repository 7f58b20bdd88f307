/** Stages on models of each architecture: what they add is pruned with its heads, goes with its block, and stays apart. */
import { afterAll, describe, expect, test } from "vitest";
import { evenWidth } from "../../src/core/format/even-width.ts";
import type { PackedModel } from "../../src/core/format/pack.ts";
import { readPack } from "../../src/core/format/pack-reader.ts";
import { blockSuffixes, blockTensor, tensorShapes } from "../../src/core/model/tensors.ts";
import { openDirectory } from "../../src/core/platform/disk.ts";
import { Calibrator } from "../../src/tools/compress/calibrate/calibrator.ts";
import { FloatLlama } from "../../src/tools/compress/calibrate/float-llama.ts";
import { answers, score } from "../../src/tools/compress/calibrate/scoring/perplexity.ts";
import { Pool } from "../../src/tools/compress/calibrate/threads/pool.ts";
import { runStages } from "../../src/tools/compress/pipeline.ts";
import type { Stage } from "../../src/tools/compress/recipe.ts";
import { packable } from "../../src/tools/compress/rounding/packable.ts";
import { pruneDepth } from "../../src/tools/compress/stages/prune-depth.ts";
import { pruneWidth } from "../../src/tools/compress/stages/prune-width.ts";
import { upTo } from "../../src/tools/compress/stages/select-lines.ts";
import { ARCHITECTURE_CASES } from "../cases/architectures.ts";
import { textOf } from "../support/calibration.ts";
import { packedLlama } from "../support/packed-llama.ts";
import { TINY_PACKS } from "../support/tiny.ts";
import { zeroWidth } from "./zero-width.ts";

const tiny = await readPack(openDirectory(TINY_PACKS.target));
const pool = await Pool.open(1);
afterAll(() => pool[Symbol.asyncDispose]());

/** Stages by gradients and by inputs, each of what the one before left. */
const STAGES: readonly Stage[] = [
  { stage: "llm-pruner", attention: 0.5, mlp: 0.25, blocks: [0, 1] },
  { stage: "sparsegpt", pattern: { per: "group", zeros: 2, of: 4 } },
];

const lossOf = async (model: PackedModel, window: readonly number[]): Promise<number> => {
  const llama = new FloatLlama(pool, evenWidth(model));
  const { loss } = await score(llama, [window]);
  llama.release();
  return loss;
};

/** Share of a window's positions where the service's engine says what the float model of the same values does. */
async function engineAgreement(model: PackedModel, window: readonly number[]): Promise<number> {
  const engine = packedLlama(model, "simd", 2, 1);
  const floats = new FloatLlama(pool, evenWidth(packable(model)));
  const cache = engine.newCache();
  let same = 0;
  for await (const { argmax } of answers(floats, [window])) {
    for (const [t, expected] of argmax.entries()) {
      engine.forward(cache, [window[t]!], 1);
      if (engine.argmax(0) === expected) same++;
    }
  }
  floats.release();
  return same / (window.length - 1);
}

describe.each(ARCHITECTURE_CASES.map((each) => [each.name, each] as const))("%s", (_, golden) => {
  const model = golden.model(tiny);
  const window = [...golden.prompt, ...golden.written];

  test("without blocks, the others keep all of their tensors", () => {
    const { config, tensors } = pruneDepth(model, { stage: "prune-depth", keep: [1] });
    expect([...tensors.keys()].sort()).toEqual(
      tensorShapes(config)
        .map(({ name }) => name)
        .sort(),
    );
    for (const suffix of blockSuffixes(config)) {
      expect(tensors.get(blockTensor(0, suffix))).toBe(model.tensors.get(blockTensor(1, suffix)));
    }
  });

  test("a narrower model computes what the one with zeros computes", async () => {
    const { kvHeads, feedForward } = model.config;
    const kept = [
      { kvHeads: [kvHeads - 1], channels: upTo(feedForward).filter((channel) => channel % 3 > 0) },
      { kvHeads: upTo(kvHeads), channels: upTo(feedForward) },
    ];
    const narrow = pruneWidth(model, kept);
    for (const { name, rows, cols } of tensorShapes(narrow.config)) {
      expect(narrow.tensors.get(name), name).toMatchObject({ rows, cols });
    }
    expect(await lossOf(narrow, window)).toBeCloseTo(await lossOf(zeroWidth(model, kept), window), 4);
    expect(await engineAgreement(narrow, window)).toBeGreaterThan(0.75);
  });

  test("pruned, made sparse and rounded, it still runs", async () => {
    const stages = STAGES.filter((stage) => stage.stage !== "llm-pruner" || model.config.kvHeads > 1);
    const made = await runStages(model, { model: "pruned", stages }, new Calibrator(pool, textOf([window], [])));
    for (const { name, rows, cols } of tensorShapes(made.config)) {
      expect(made.tensors.get(name), name).toMatchObject({ rows, cols, ...(rows === 1 && { format: "f32" }) });
    }
    // Logits of an untrained model lie close together. An engine that leaves out what Qwen3 adds agrees on 0.59.
    expect(await engineAgreement(made, window)).toBeGreaterThan(0.75);
  });
});
