/**
 * The stage over the calibration engine, on the tiny model: which channels go, and that it sees what the blocks before
 * it have left.
 */
import { afterAll, expect, test } from "vitest";
import { evenWidth } from "../../../src/core/format/even-width.ts";
import type { PackedModel } from "../../../src/core/format/pack.ts";
import { readPack } from "../../../src/core/format/pack-reader.ts";
import { decodeTensor } from "../../../src/core/model/decode.ts";
import { blockTensor } from "../../../src/core/model/tensors.ts";
import { openDirectory } from "../../../src/core/platform/disk.ts";
import { Calibrator } from "../../../src/tools/compress/calibrate/calibrator.ts";
import { FloatLlama } from "../../../src/tools/compress/calibrate/float-llama.ts";
import { compressSequentially } from "../../../src/tools/compress/calibrate/solving/sequential.ts";
import { Pool } from "../../../src/tools/compress/calibrate/threads/pool.ts";
import { runStages } from "../../../src/tools/compress/pipeline.ts";
import { zeroWidth } from "../../../src/tools/compress/stages/prune-width.ts";
import { textOf } from "../../support/calibration.ts";
import { seeded } from "../../support/random.ts";
import { TINY_PACKS } from "../../support/tiny.ts";

const base = await readPack(openDirectory(TINY_PACKS.target));
const { layers, kvHeads, feedForward, embedding } = base.config;
const pool = await Pool.open(2);
const random = seeded(8);
const windows = Array.from({ length: 3 }, () => Array.from({ length: 40 }, () => Math.floor(random() * 512)));
const calibration = new Calibrator(pool, textOf(windows));
afterAll(() => pool[Symbol.asyncDispose]());

const all = (count: number) => Array.from({ length: count }, (_, n) => n);
const narrowed = (model: PackedModel, mlp: number) =>
  runStages(model, { model: "made", stages: [{ stage: "wanda-sp", mlp }] }, calibration);

const values = (model: PackedModel, layer: number, suffix: string): Float32Array => {
  const tensor = model.tensors.get(blockTensor(layer, suffix))!;
  return decodeTensor(tensor, tensor.bytes);
};

/** Which of the base's channels the gate of a narrowed model still has, by its rows. */
function channelsOf(made: PackedModel, layer: number, mlp: number): number[] {
  const rowsOf = (model: PackedModel) => {
    const gate = values(model, layer, "mlp.gate_proj.weight");
    return all(gate.length / embedding).map((row) => gate.subarray(row * embedding, (row + 1) * embedding).join());
  };
  const own = new Set(rowsOf(made).slice(0, feedForward * (1 - mlp)));
  return rowsOf(base).flatMap((row, channel) => (own.has(row) ? [channel] : []));
}

/**
 * Σ over the text of (what one channel adds to the residual stream)² in a block, all channels of all blocks before it
 * as they are in `model`.
 */
async function added(model: PackedModel, layer: number): Promise<number[]> {
  const llama = new FloatLlama(pool, evenWidth(model));
  let sums: number[] = [];
  await compressSequentially(llama, windows, "squares", (at, { down: { squares, cols } }, weightsOf) => {
    const weights = weightsOf("mlp.down_proj.weight");
    if (at === layer) {
      sums = all(cols).map((k) => {
        let sum = 0;
        for (let n = k; n < weights.length; n += cols) sum += weights[n]! ** 2 * squares[k]!;
        return sum;
      });
    }
    return new Map();
  });
  llama.release();
  return sums;
}

test("keeps of each block the channels that add most, as the narrowed blocks before it feed them", async () => {
  const made = await narrowed(base, 1 / 3);
  expect(made.config).toMatchObject({ layers, kvHeads, feedForward: 64 });
  expect(made.recipe.at(-1)).toEqual({ stage: "wanda-sp", mlp: 1 / 3 });
  const kept = all(layers).map((layer) => channelsOf(made, layer, 1 / 3));
  for (const layer of [0, 1, layers - 1]) {
    // Narrowed up to here, whole from here on.
    const before = zeroWidth(
      base,
      all(layers).map((n) => ({ kvHeads: all(kvHeads), channels: n < layer ? kept[n]! : all(feedForward) })),
    );
    const sums = await added(before, layer);
    const best = all(feedForward).sort((a, b) => sums[b]! - sums[a]!);
    expect(kept[layer]).toEqual(best.slice(0, 64).sort((a, b) => a - b));
  }
});

test("channels that do nothing go first, and nothing is lost with them", async () => {
  const channels = all(feedForward).filter((n) => n % 3 !== 1);
  const zeroed = zeroWidth(
    base,
    Array.from({ length: layers }, () => ({ kvHeads: all(kvHeads), channels })),
  );
  const made = await narrowed(zeroed, 1 / 3);
  for (let layer = 0; layer < layers; layer++) expect(channelsOf(made, layer, 1 / 3)).toEqual(channels);
});

test("refuses a share that leaves nothing", async () => {
  await expect(narrowed(base, 1)).rejects.toMatchObject({ code: "bad_recipe" });
});
