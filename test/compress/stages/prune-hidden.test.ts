/**
 * A narrower residual stream: what is left computes what the same model with zeros in its place computes, also in the
 * engine.
 */

import { afterAll, describe, expect, test } from "vitest";
import { loadLlama } from "../../../src/core/draft/llama.ts";
import { writePack } from "../../../src/core/format/pack.ts";
import { readPack } from "../../../src/core/format/pack-reader.ts";
import { checkConfig } from "../../../src/core/model/config.ts";
import { openDirectory } from "../../../src/core/platform/disk.ts";
import { Calibrator } from "../../../src/tools/compress/calibrate/calibrator.ts";
import { Pool } from "../../../src/tools/compress/calibrate/threads/pool.ts";
import { packable } from "../../../src/tools/compress/rounding/packable.ts";
import { llmPruner } from "../../../src/tools/compress/stages/llm-pruner.ts";
import { pruneHidden, zeroHidden } from "../../../src/tools/compress/stages/prune-hidden.ts";
import { zeroWidth } from "../../../src/tools/compress/stages/prune-width.ts";
import { textOf } from "../../support/calibration.ts";
import { MemoryDirectory } from "../../support/files.ts";
import { kernelModules } from "../../support/kernels.ts";
import { PlainLlama } from "../../support/plain-llama.ts";
import { seeded } from "../../support/random.ts";
import { randomModel } from "../../support/random-model.ts";
import { TINY_PACKS } from "../../support/tiny.ts";

const tiny = await readPack(openDirectory(TINY_PACKS.target));
const SHAPE = { layers: 3, embedding: 192, feedForward: 128 };
const models = { tied: randomModel(tiny, SHAPE, 4), untied: randomModel(tiny, { ...SHAPE, tied: false }, 5) };
const random = seeded(11);
const windows = Array.from({ length: 2 }, () => Array.from({ length: 24 }, () => Math.floor(random() * 512)));
const all = (count: number) => Array.from({ length: count }, (_, n) => n);
/** Two thirds of the channels, none of them in order. */
const kept = all(192).filter((channel) => (channel * 7) % 3 > 0);

const pool = await Pool.open(2);
const calibration = new Calibrator(pool, textOf(windows));
afterAll(() => pool[Symbol.asyncDispose]());

describe.each(Object.entries(models))("%s", (_, model) => {
  test("computes what zeros in its place compute", () => {
    const made = pruneHidden(model, kept);
    expect(checkConfig(made.config)).toMatchObject({ embedding: 128, layers: 3, feedForward: 128 });
    expect(made.config.normEpsilon).toBeCloseTo(model.config.normEpsilon * 1.5, 12);
    const [narrow, zeroed] = [new PlainLlama(made), new PlainLlama(zeroHidden(model, kept))];
    const [ours, theirs] = [narrow.run(windows[0]!).logits, zeroed.run(windows[0]!).logits];
    for (const [t, row] of theirs.entries()) {
      for (const [i, logit] of row.entries()) expect(Math.abs(ours[t]![i]! - logit)).toBeLessThan(1e-5);
    }
  });

  test("channels worth nothing are the ones to go, with heads and channels of blocks beside them", async () => {
    const stage = { stage: "llm-pruner", attention: 0.5, mlp: 0.5, hidden: 0.3, blocks: [0, 2], steps: 2 } as const;
    const width = { kvHeads: [1], channels: all(128).filter((channel) => channel % 2 > 0) };
    const zeroed = zeroHidden(zeroWidth(model, [width, width, width]), kept);
    const made = await llmPruner(zeroed, { ...stage, salience: "mixed", aggregation: "sum" }, calibration);
    expect(made.config).toMatchObject({ embedding: 128, kvHeads: 1, feedForward: 64, widths: undefined });
    expect(new PlainLlama(made).loss(windows[1]!)).toBeCloseTo(new PlainLlama(zeroed).loss(windows[1]!), 5);
  });
});

test("its pack says whom it drafts for and runs in the engine", async () => {
  const made = packable(pruneHidden(models.tied, kept));
  const directory = new MemoryDirectory();
  const header = await writePack(made, directory);
  expect(header.target).toMatchObject({ model: "tiny" });
  const shards = async function* (index: number) {
    yield directory.files.get(header.shards[index]!.file)!;
  };
  const llama = await loadLlama(header, shards, kernelModules(), { pages: 1, rows: 1 });
  const logits = llama.forward(llama.newCache(), windows[0]!, 1);
  const expected = new PlainLlama(made).run(windows[0]!).logits.at(-1)!;
  const largest = Math.max(...expected.map(Math.abs));
  for (const [i, logit] of expected.entries()) expect(Math.abs(logits[i]! - logit)).toBeLessThan(2e-2 * largest);
});

test.each([
  [{ hidden: 0.1 }, "leaves 192 of 192 channels; they are removed in units of 64"],
  [{ hidden: 0.9 }, "leaves 0 of 192 channels"],
  [{ hidden: 1 }, "hidden is 1; a ratio is at least 0 and under 1"],
])("refuses %j", async (change, message) => {
  const stage = { stage: "llm-pruner", attention: 0, mlp: 0, blocks: [0, 2], salience: "first" } as const;
  await expect(
    llmPruner(models.tied, { ...stage, aggregation: "sum", steps: 1, ...change }, calibration),
  ).rejects.toThrow(message);
});
