/**
 * The stage over the calibration engine, against least squares by elimination over the hidden states of a Llama in f64
 * (support/plain-llama.ts).
 */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { evenWidth } from "../../../src/core/format/even-width.ts";
import type { PackedModel } from "../../../src/core/format/pack.ts";
import { readPack } from "../../../src/core/format/pack-reader.ts";
import { decodeTensor } from "../../../src/core/model/decode.ts";
import { blockTensor } from "../../../src/core/model/tensors.ts";
import { openDirectory } from "../../../src/core/platform/disk.ts";
import { Calibrator } from "../../../src/tools/compress/calibrate/calibrator.ts";
import { Journal } from "../../../src/tools/compress/calibrate/journal.ts";
import { Pool } from "../../../src/tools/compress/calibrate/threads/pool.ts";
import { runStages } from "../../../src/tools/compress/pipeline.ts";
import type { Stage } from "../../../src/tools/compress/recipe.ts";
import { pruneWidth } from "../../../src/tools/compress/stages/prune-width.ts";
import { refit } from "../../../src/tools/compress/stages/refit.ts";
import { solveLinear } from "../../methods/least-squares.ts";
import { textOf } from "../../support/calibration.ts";
import { PlainLlama } from "../../support/plain-llama.ts";
import { seeded } from "../../support/random.ts";
import { randomModel } from "../../support/random-model.ts";
import { TINY_PACKS } from "../../support/tiny.ts";

const tiny = await readPack(openDirectory(TINY_PACKS.target));
const pool = await Pool.open(2);
const random = seeded(8);
// More windows than are in memory at once.
const windows = Array.from({ length: 18 }, () => Array.from({ length: 20 }, () => Math.floor(random() * 512)));
const calibrator = (journal?: Journal) => new Calibrator(pool, textOf(windows), journal);
afterAll(() => pool[Symbol.asyncDispose]());

const E = tiny.config.embedding;
const all = (count: number) => Array.from({ length: count }, (_, n) => n);
const down = (layer: number) => blockTensor(layer, "mlp.down_proj.weight");
const run = (base: PackedModel, stages: readonly Stage[], calibration = calibrator()) =>
  runStages(base, { model: "made", stages }, calibration);

interface Sample {
  readonly x: Float64Array;
  readonly wanted: Float64Array;
  readonly output: Float64Array;
  /** 1 over the root mean square of what is wanted. */
  readonly weight: number;
}

/** Every position but the first of every window behind a block, beside the states that are wanted, by window. */
const samples = (llama: PlainLlama, layer: number, wantedOf: readonly (readonly Float64Array[])[]): Sample[] =>
  windows.flatMap((window, w) => {
    const { down: inputs, after } = llama.run(window).blocks[layer]!;
    const goals = wantedOf[w]!;
    return all(window.length - 1).map((n) => {
      const wanted = goals[n + 1]!;
      const weight = 1 / Math.sqrt(wanted.reduce((sum, value) => sum + value * value, 0) / E + 1e-6);
      return { x: inputs[n + 1]!, wanted, output: after[n + 1]!, weight };
    });
  });

const errorOf = (of: readonly Sample[]): number =>
  of.reduce((total, { wanted, output, weight }) => {
    return total + wanted.reduce((sum, value, e) => sum + (weight * (value - output[e]!)) ** 2, 0);
  }, 0);

/** Some output row's new weights by elimination; columns that are always zero keep theirs. */
function byElimination(of: readonly Sample[], old: Float64Array, row: number): number[] {
  const cols = old.length / E;
  const live = all(cols).filter((k) => of.some(({ x }) => x[k] !== 0));
  const sum = (value: (sample: Sample) => number) => of.reduce((s, each) => s + each.weight ** 2 * value(each), 0);
  const gram = live.map((a) => live.map((b) => sum(({ x }) => x[a]! * x[b]!)));
  const lambda = (0.01 * gram.reduce((total, line, n) => total + line[n]!, 0)) / live.length;
  const damped = gram.map((line, n) => line.map((value, m) => (n === m ? value + lambda : value)));
  // Towards the old weights: λ (W − W₀) stands beside the error of the whole output.
  const rest = ({ x, wanted, output }: Sample): number =>
    wanted[row]! - output[row]! + live.reduce((total, k) => total + old[row * cols + k]! * x[k]!, 0);
  const right = live.map((k) => sum((each) => each.x[k]! * rest(each)) + lambda * old[row * cols + k]!);
  const solved = solveLinear(damped, right);
  return all(cols).map((k) => (live.includes(k) ? solved[live.indexOf(k)]! : old[row * cols + k]!));
}

/** Compares every block of `made` with elimination behind the blocks of `made` before it. */
function compare(base: PackedModel, cut: PackedModel, made: PackedModel, left: readonly number[]): void {
  const whole = new PlainLlama(base);
  const streams = windows.map((window) => whole.run(window).blocks);
  const llama = new PlainLlama(evenWidth(cut));
  const fitted = new PlainLlama(evenWidth(made));
  for (const layer of all(left.length)) {
    const end = (left[layer + 1] ?? base.config.layers) - 1;
    const old = llama.tensors.get(down(layer))!;
    const wanted = streams.map((blocks) => blocks[end]!.after);
    const before = samples(llama, layer, wanted);
    const now = fitted.tensors.get(down(layer))!;
    const cols = old.length / E;
    for (const row of [0, 29, E - 1]) {
      const expected = byElimination(before, old, row);
      const largest = Math.max(...expected.map(Math.abs));
      for (const k of all(cols)) expect(Math.abs(now[row * cols + k]! - expected[k]!)).toBeLessThan(1e-3 * largest);
    }
    llama.tensors.set(down(layer), now);
    // Before the first removed block nothing is lacking, and nothing changes.
    if (errorOf(before) === 0) expect(now).toEqual(old);
    else expect(errorOf(samples(llama, layer, wanted))).toBeLessThan(errorOf(before));
  }
}

describe.each([
  ["the tiny model", tiny],
  ["biases", randomModel(tiny, { layers: 6, qkvBias: true }, 3)],
  ["norms of queries and keys", randomModel(tiny, { layers: 6, qkNorm: true }, 4)],
])("%s", (_, base) => {
  test("each block is fitted to what enters the next remaining one, behind fitted blocks", async () => {
    const cutting: Stage[] = [
      { stage: "prune-depth", keep: [1, 2, 4, 5] },
      { stage: "prune-depth", keep: [0, 2] },
      { stage: "wanda-sp", mlp: 1 / 3 },
    ];
    const cut = await run(base, cutting);
    const made = await run(base, [...cutting, { stage: "refit" }]);
    expect(made.recipe.at(-1)).toEqual({ stage: "refit" });
    const changed = [...made.tensors].filter(([name, { bytes }]) => !sameBytes(bytes, cut.tensors.get(name)!.bytes));
    expect(changed.map(([name]) => name)).toEqual([down(0), down(1)]);
    compare(base, cut, made, [1, 4]);
  });

  test("where nothing was removed nothing changes", async () => {
    const made = await run(base, [{ stage: "refit" }]);
    for (const [name, tensor] of base.tensors) expect(made.tensors.get(name)).toBe(tensor);
  });
});

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

test("blocks that were chosen by measuring are known", async () => {
  const cutting: Stage[] = [{ stage: "shortened-llama", criterion: "influence", remove: 2, plus: false }];
  const cut = await run(tiny, cutting);
  const { removed } = cut.recipe.at(-1)!.found as { removed: number[] };
  const made = await run(tiny, [...cutting, { stage: "refit" }]);
  compare(
    tiny,
    cut,
    made,
    all(6).filter((block) => !removed.includes(block)),
  );
});

test("blocks of different widths keep theirs", async () => {
  const base = randomModel(tiny, { layers: 2, feedForward: 192 }, 5);
  const kvHeads = all(base.config.kvHeads);
  const cut = pruneWidth(base, [
    { kvHeads, channels: all(60) },
    { kvHeads, channels: all(120) },
  ]);
  const made = await refit(cut, { stage: "refit" }, calibrator(), base);
  expect([0, 1].map((layer) => made.tensors.get(down(layer))!.cols)).toEqual([64, 128]);
  compare(base, cut, made, [0, 1]);
  // The channels that fill up to 64 stay empty.
  const filled = decodeTensor(made.tensors.get(down(0))!, made.tensors.get(down(0))!.bytes);
  expect(filled.filter((value, at) => at % 64 >= 60 && value !== 0)).toHaveLength(0);
});

test("a run that was stopped goes on to the same result", async () => {
  const stages: Stage[] = [{ stage: "prune-depth", keep: [0, 2, 5] }, { stage: "refit" }];
  const directory = path.join(await mkdtemp(path.join(tmpdir(), "refit-")), "unfinished");
  const stopping = await Journal.open(directory, "work");
  stopping.stop();
  await expect(run(tiny, stages, calibrator(stopping))).rejects.toMatchObject({ code: "stopped" });
  const again = await Journal.open(directory, "work");
  expect(again.goesOn).toBe(true);
  const [resumed, once] = [await run(tiny, stages, calibrator(again)), await run(tiny, stages)];
  for (const layer of all(3)) {
    const [kept, made] = [resumed.tensors.get(down(layer))!, once.tensors.get(down(layer))!];
    // What comes back from the disk is a Buffer.
    expect({ ...kept, bytes: new Uint8Array(kept.bytes) }).toEqual(made);
  }
});

test("refuses a narrower residual stream, and a recipe without text", async () => {
  const narrow = randomModel(tiny, { embedding: 128 }, 6);
  await expect(refit(tiny, { stage: "refit" }, calibrator(), narrow)).rejects.toMatchObject({ code: "bad_recipe" });
  await expect(runStages(tiny, { model: "m", stages: [{ stage: "refit" }] })).rejects.toMatchObject({
    code: "no_calibration",
  });
});
