/** The SqueezeLLM stage on a narrower tiny model: what is packed is what the method makes, and the engine runs it. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PackedModel } from "../../../src/core/format/pack.ts";
import { readPack } from "../../../src/core/format/pack-reader.ts";
import { decodeTensor } from "../../../src/core/model/decode.ts";
import { openDirectory } from "../../../src/core/platform/disk.ts";
import { Calibrator } from "../../../src/tools/compress/calibrate/calibrator.ts";
import { Pool } from "../../../src/tools/compress/calibrate/threads/pool.ts";
import { roundRows } from "../../../src/tools/compress/methods/round.ts";
import { countingSensitivities, keptApart } from "../../../src/tools/compress/methods/squeezellm.ts";
import { runStages } from "../../../src/tools/compress/pipeline.ts";
import { replacePack } from "../../../src/tools/compress/rounding/packable.ts";
import { pruneWidth } from "../../../src/tools/compress/stages/prune-width.ts";
import type { SqueezeLlm } from "../../../src/tools/compress/stages/squeezellm.ts";
import { textOf } from "../../support/calibration.ts";
import { PlainLlama } from "../../support/plain-llama.ts";
import { seeded } from "../../support/random.ts";
import { loadPack, TINY_PACKS } from "../../support/tiny.ts";

const pool = await Pool.open(2);
const random = seeded(6);
const windows = Array.from({ length: 3 }, () => Array.from({ length: 40 }, () => Math.floor(random() * 512)));
const calibration = new Calibrator(pool, textOf(windows));

/** Codebooks need columns in multiples of 64, and the tiny model's down projections have 96. */
const tiny = await readPack(openDirectory(TINY_PACKS.target));
const channels = Array.from({ length: 64 }, (_, channel) => channel);
const base = pruneWidth(
  tiny,
  Array.from({ length: tiny.config.layers }, () => ({ kvHeads: [0, 1], channels })),
);

afterAll(() => pool[Symbol.asyncDispose]());

describe.each([3, 4] as const)("%i bits", (bits) => {
  const stage: SqueezeLlm = { stage: "squeezellm", bits, sensitive: 0.002, outlying: 0.02 };
  let made: PackedModel;
  let fisherOf: (name: string) => Float32Array;

  beforeAll(async () => {
    const gradientOf = await calibration.gradients(base, true);
    const squares = new Map<string, Float32Array>();
    for (const [name, { rows }] of base.tensors) {
      if (name.startsWith("model.layers.") && rows > 1) squares.set(name, gradientOf(name).squares!.slice());
    }
    fisherOf = (name) => squares.get(name)!;
    made = await runStages(base, { model: "made", stages: [stage] }, calibration);
  });

  test("weights are levels of their row's codebook, and those kept apart themselves within f16", () => {
    const format = `lut${bits}` as const;
    let most = 0;
    for (const [name, tensor] of made.tensors) {
      if (!name.startsWith("model.layers.") || tensor.rows === 1) continue;
      const before = base.tensors.get(name)!;
      const values = decodeTensor(before, before.bytes);
      const apart = keptApart(values, fisherOf(name), stage.sensitive, stage.outlying);
      const count = apart.filter((one) => one === 1).length;
      expect(tensor).toMatchObject({ format, outliers: { count } });
      expect(count).toBe(Math.floor(values.length * 0.002) + Math.floor(values.length * 0.02));

      const counting = countingSensitivities(fisherOf(name), apart);
      const { codes, codebooks, a, b } = roundRows(format, values, tensor.rows, counting);
      const decoded = decodeTensor(tensor, tensor.bytes);
      for (const [at, value] of values.entries()) {
        const row = Math.floor(at / tensor.cols);
        const level = Math.fround(
          Math.fround(a![row]! * codebooks![row * 2 ** bits + codes[at]!]!) + Math.fround(b![row]!),
        );
        if (apart[at]) {
          expect(Math.abs(decoded[at]! - value)).toBeLessThanOrEqual(Math.abs(value - level) * 2 ** -11 + 1e-7);
        } else expect(decoded[at]).toBe(level);
      }
      for (let at = 0; at < values.length; at += tensor.cols) {
        most = Math.max(most, apart.subarray(at, at + tensor.cols).filter((one) => one === 1).length);
      }
    }
    // Some rows have far more than the 1.4 of the mean.
    expect(most).toBeGreaterThan(6);
  });

  test("the pack runs and gives the logits of its values", async () => {
    const directory = await mkdtemp(path.join(tmpdir(), "outrider-"));
    await replacePack(made, directory);
    const read = await readPack(openDirectory(directory));
    expect(read.tensors).toEqual(made.tensors);
    const llama = await loadPack(directory, 2, 16);
    await rm(directory, { recursive: true });
    const tokens = windows[0]!.slice(0, 16);
    const ours = llama.forward(llama.newCache(), tokens, 16);
    const { vocabulary } = base.config;
    const plain = new PlainLlama(read).run(tokens).logits;
    let difference = 0;
    let size = 0;
    for (const [t, row] of plain.entries()) {
      for (const [n, logit] of row.entries()) {
        difference += (logit - ours[t * vocabulary + n]!) ** 2;
        size += logit ** 2;
      }
    }
    expect(Math.sqrt(difference / size)).toBeLessThan(0.01);
  });
});
