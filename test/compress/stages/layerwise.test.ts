/**
 * The stages over the calibration engine, on the tiny model: what they promise of its matrices, and that it is still
 * that model.
 */

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { PackedModel } from "../../../src/core/format/pack.ts";
import { readPack } from "../../../src/core/format/pack-reader.ts";
import { decodeTensor } from "../../../src/core/model/decode.ts";
import { tensorShapes } from "../../../src/core/model/tensors.ts";
import { openDirectory } from "../../../src/core/platform/disk.ts";
import { Calibrator } from "../../../src/tools/compress/calibrate/calibrator.ts";
import { FloatLlama } from "../../../src/tools/compress/calibrate/float-llama.ts";
import { Journal } from "../../../src/tools/compress/calibrate/journal.ts";
import { endOf, runThrough, score } from "../../../src/tools/compress/calibrate/scoring/perplexity.ts";
import { Pool } from "../../../src/tools/compress/calibrate/threads/pool.ts";
import { runStages } from "../../../src/tools/compress/pipeline.ts";
import { parseRecipe, type Stage } from "../../../src/tools/compress/recipe.ts";
import { RECIPES } from "../../../src/tools/compress/recipes.ts";
import { packable } from "../../../src/tools/compress/rounding/packable.ts";
import { pruneWidth } from "../../../src/tools/compress/stages/prune-width.ts";
import { textOf } from "../../support/calibration.ts";
import { seeded } from "../../support/random.ts";
import { TINY_PACKS } from "../../support/tiny.ts";

const base = await readPack(openDirectory(TINY_PACKS.target));
const pool = await Pool.open(2);
const random = seeded(6);
const windows = Array.from({ length: 4 }, () => Array.from({ length: 48 }, () => Math.floor(random() * 512)));
const calibration = new Calibrator(pool, textOf(windows));

afterAll(() => pool[Symbol.asyncDispose]());

const run = (...stages: Stage[]): Promise<PackedModel> => runStages(base, { model: "made", stages }, calibration);

test("what measures comes before the vocabulary is trimmed", async () => {
  const trim = { stage: "trim-vocabulary", keep: 384, by: "frequency" } as const;
  await run({ stage: "magnitude", pattern: { per: "row", sparsity: 0.5 } }, trim);
  const wanda = { stage: "wanda", pattern: { per: "row", sparsity: 0.5 } } as const;
  await expect(run(trim, wanda)).rejects.toThrow("put trim-vocabulary behind the stages that measure");
});

const matrices = (model: PackedModel) =>
  [...model.tensors]
    .filter(([name, { rows }]) => name.startsWith("model.layers.") && rows > 1)
    .map(([name, tensor]) => ({ name, ...tensor, values: decodeTensor(tensor, tensor.bytes) }));

/** KL of a model's answers from the base model's, nats. */
async function divergence(model: PackedModel): Promise<number> {
  const [own, whole] = [new FloatLlama(pool, model), new FloatLlama(pool, base)];
  const ended = await runThrough(whole, windows);
  const { divergence: kl } = await score(own, windows, endOf(whole, ended));
  whole.releaseHidden(ended);
  own.release();
  whole.release();
  return kl!;
}

const half = (values: Float32Array) => values.filter((value) => value === 0).length / values.length;

describe("pruning", () => {
  test("Wanda leaves half of each row, SparseGPT of each matrix, 2:4 two of each four", async () => {
    for (const { values, cols } of matrices(await run({ stage: "wanda", pattern: { per: "row", sparsity: 0.5 } }))) {
      for (let at = 0; at < values.length; at += cols) expect(half(values.subarray(at, at + cols))).toBe(0.5);
    }
    const sparse = await run({ stage: "sparsegpt", pattern: { per: "matrix", sparsity: 0.5 } });
    for (const { values } of matrices(sparse)) expect(half(values)).toBeCloseTo(0.5, 1);
    for (const { values } of matrices(await run({ stage: "sparsegpt", pattern: { per: "group", zeros: 2, of: 4 } }))) {
      for (let at = 0; at < values.length; at += 4)
        expect(half(values.subarray(at, at + 4))).toBeGreaterThanOrEqual(0.5);
    }
  });

  test("what is fed counts: SparseGPT stays nearer to the model than magnitude does", async () => {
    const pattern = { per: "matrix", sparsity: 0.5 } as const;
    const [magnitude, sparseGpt] = [
      await run({ stage: "magnitude", pattern }),
      await run({ stage: "sparsegpt", pattern }),
    ];
    expect(await divergence(sparseGpt)).toBeLessThan(await divergence(magnitude));
  });

  test("floats that are left are packed in 8 bits", async () => {
    const made = packable(await run({ stage: "wanda", pattern: { per: "row", sparsity: 0.5 } }));
    expect(new Set(matrices(made).map(({ format }) => format))).toEqual(new Set(["q8"]));
  });
});

describe("blocks of unequal widths", () => {
  const { layers, kvHeads, feedForward } = base.config;
  const all = (count: number) => Array.from({ length: count }, (_, n) => n);
  const narrow = { kvHeads: all(kvHeads).slice(1), channels: all(64) };
  const whole = { kvHeads: all(kvHeads), channels: all(feedForward) };
  const uneven = pruneWidth(
    base,
    all(layers).map((layer) => (layer === 1 ? whole : narrow)),
  );
  const even = pruneWidth(
    base,
    all(layers).map(() => narrow),
  );
  const pattern = { per: "row", sparsity: 0.5 } as const;

  test.each<[string, Stage]>([
    ["Wanda", { stage: "wanda", pattern }],
    ["SparseGPT", { stage: "sparsegpt", pattern }],
  ])("%s keeps each block's shape", async (_, stage) => {
    const made = await runStages(uneven, { model: "made", stages: [stage] }, calibration);
    expect(made.config.widths).toEqual(uneven.config.widths);
    for (const { name, rows, cols } of tensorShapes(made.config)) {
      expect(made.tensors.get(name), name).toMatchObject({ rows, cols });
    }
  });

  test.each<Stage>([
    { stage: "wanda", pattern },
    { stage: "sparsegpt", pattern },
  ])("$stage does to the first block what it does where no block is wider", async (stage) => {
    const solved = (model: PackedModel) => runStages(model, { model: "made", stages: [stage] }, calibration);
    const [beside, alone] = [await solved(uneven), await solved(even)];
    for (const { name } of matrices(alone).filter((matrix) => matrix.name.startsWith("model.layers.0."))) {
      const [own, expected] = [beside, alone].map(({ tensors }) => tensors.get(name));
      expect(own, name).toEqual(expected);
    }
  });

  test("a stopped run goes on with the blocks that it has kept", async () => {
    const stages: Stage[] = [{ stage: "wanda", pattern }];
    const directory = path.join(await mkdtemp(path.join(tmpdir(), "outrider-uneven-")), "work");
    const solved = (journal: Journal) =>
      runStages(uneven, { model: "made", stages }, new Calibrator(pool, textOf(windows), journal));
    const stopping = await Journal.open(directory, "work");
    stopping.stop();
    await expect(solved(stopping)).rejects.toMatchObject({ code: "stopped" });
    const resumed = await solved(await Journal.open(directory, "work"));
    // What comes back from the disk is a Buffer.
    const plain = matrices(resumed).map((tensor) => ({ ...tensor, bytes: new Uint8Array(tensor.bytes) }));
    expect(plain).toEqual(matrices(await solved(Journal.none())));
  });
});

test("a stage that wants text says so", async () => {
  const stages: Stage[] = [{ stage: "wanda", pattern: { per: "row", sparsity: 0.5 } }];
  await expect(runStages(base, { model: "made", stages })).rejects.toThrow("name one with --calibration FILE");
});

test.each(Object.entries(RECIPES))("recipe %s is one that a file could hold", (name, { stages }) => {
  expect(parseRecipe({ model: name, base: "any", stages }, name).stages).toEqual(stages);
});
