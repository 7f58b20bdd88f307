/**
 * Gradients of the real model against PyTorch's in f64 (test/golden/make_gradients.py). PyTorch's own in f32 differ from these
 * by up to 5e-4 in a norm, 8e-4 in an entry and 1.2e-4 over all entries.
 */
import path from "node:path";
import { expect, test } from "vitest";
import { FloatLlama } from "../../src/compress/calibrate/float-llama.ts";
import { Gradients } from "../../src/compress/calibrate/gradients.ts";
import { Pool } from "../../src/compress/calibrate/pool.ts";
import type { BlockTensor } from "../../src/compress/calibrate/shape.ts";
import { openDirectory } from "../../src/format/disk.ts";
import { readPack } from "../../src/format/pack-reader.ts";
import { goldenJson } from "../support/golden.ts";

interface Golden {
  readonly losses: number[];
  readonly tensors: Record<string, { norm: number; at: number[]; sum: number[]; squares: number[] }>;
}

const golden = goldenJson("gradients.json") as Golden;
const windows = goldenJson("wikitext.json").windows.slice(0, golden.losses.length) as { tokens: number[] }[];

/** Root mean square of ours − theirs over that of theirs. */
function distance(pairs: readonly (readonly [ours: number, theirs: number])[]): number {
  const sum = (of: (pair: readonly [number, number]) => number) =>
    pairs.reduce((total, pair) => total + of(pair) ** 2, 0);
  return Math.sqrt(sum(([ours, theirs]) => ours - theirs) / sum(([, theirs]) => theirs));
}

test("all gradients of two windows are PyTorch's to 1e-4", async () => {
  await using pool = await Pool.open();
  const model = await readPack(openDirectory(path.resolve(import.meta.dirname, "../../models/smollm2-135m/pack")));
  const gradients = new Gradients(new FloatLlama(pool, model));
  await gradients.add(windows.map(({ tokens }) => tokens));
  for (const [n, loss] of golden.losses.entries()) expect(Math.abs(gradients.losses[n]! / loss - 1)).toBeLessThan(1e-5);
  let [worstNorm, worstEntry] = [0, 0];
  const sums: [number, number][] = [];
  const squares: [number, number][] = [];
  for (const [name, { norm, at, sum, squares: squared }] of Object.entries(golden.tensors)) {
    const [, layer, suffix] = /^model\.layers\.(\d+)\.(.+)$/.exec(name)!;
    const ours = gradients.sum(Number(layer), suffix as BlockTensor);
    const oursSquared = gradients.squares(Number(layer), suffix as BlockTensor);
    const size = Math.sqrt(ours.reduce((total, value) => total + value ** 2, 0));
    worstNorm = Math.max(worstNorm, Math.abs(size / norm - 1));
    const rms = norm / Math.sqrt(ours.length);
    for (const [i, place] of at.entries()) {
      // An entry near zero is a difference of larger ones: its error is measured by its tensor.
      worstEntry = Math.max(worstEntry, Math.abs(ours[place]! - sum[i]!) / Math.max(Math.abs(sum[i]!), rms));
      sums.push([ours[place]! / norm, sum[i]! / norm]);
      squares.push([oursSquared[place]! / norm ** 2, squared[i]! / norm ** 2]);
    }
  }
  console.log(
    `worst norm ${worstNorm.toExponential(1)}, worst entry ${worstEntry.toExponential(1)}, all entries ` +
      `${distance(sums).toExponential(1)}, their squares ${distance(squares).toExponential(1)}`,
  );
  expect(worstNorm).toBeLessThan(1e-4);
  expect(worstEntry).toBeLessThan(2e-4);
  expect(distance(sums)).toBeLessThan(1e-4);
  expect(distance(squares)).toBeLessThan(1e-4);
});
