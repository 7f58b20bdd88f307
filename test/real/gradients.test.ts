/**
 * Gradients of the real model against PyTorch's in f64 (test/golden/make_gradients.py).
 * PyTorch's own in f32 differ from these by up to 5e-4 in a norm, 8e-4 in an entry and 1.2e-4 over all entries.
 */
import { expect, test } from "vitest";
import { readPack } from "../../src/core/format/pack-reader.ts";
import type { BlockSuffix } from "../../src/core/model/tensors.ts";
import { openDirectory } from "../../src/core/platform/disk.ts";
import { FloatLlama } from "../../src/tools/compress/calibrate/float-llama.ts";
import { Gradients } from "../../src/tools/compress/calibrate/gradients/gradients.ts";
import { Pool } from "../../src/tools/compress/calibrate/threads/pool.ts";
import { goldenJson } from "../support/golden.ts";
import { type GoldenGradient, gradientDistances, type OwnGradient } from "../support/golden-gradients.ts";
import { prepare } from "../support/prepared.ts";

interface Golden {
  readonly losses: number[];
  readonly tensors: Record<string, GoldenGradient>;
}

const model = await readPack(openDirectory((await prepare()).target));

function own(gradients: Gradients, name: string): OwnGradient {
  const [, layer, suffix] = /^model\.layers\.(\d+)\.(.+)$/.exec(name)!;
  const of = [Number(layer), suffix as BlockSuffix] as const;
  return { sum: gradients.sum(...of), squares: gradients.squares(...of) };
}

function expectGolden(gradients: Gradients, { losses, tensors }: Golden): void {
  for (const [n, loss] of losses.entries()) expect(Math.abs(gradients.losses[n]! / loss - 1)).toBeLessThan(1e-5);
  const blocks = Object.entries(tensors).filter(([name]) => name.startsWith("model.layers."));
  const distances = gradientDistances(Object.fromEntries(blocks), (name) => own(gradients, name));
  console.log(JSON.stringify(distances, (_, value) => (typeof value === "number" ? value.toExponential(1) : value)));
  expect(distances.norm).toBeLessThan(1e-4);
  expect(distances.entry).toBeLessThan(2e-4);
  expect(distances.sums).toBeLessThan(1e-4);
  expect(distances.squares).toBeLessThan(1e-4);
}

test("all gradients of two windows are PyTorch's to 1e-4", async () => {
  await using pool = await Pool.open();
  const golden = goldenJson("gradients.json") as Golden;
  const windows = goldenJson("wikitext.json").windows.slice(0, golden.losses.length) as { tokens: number[] }[];
  const gradients = new Gradients(new FloatLlama(pool, model));
  await gradients.add(windows.map(({ tokens }) => tokens));
  expectGolden(gradients, golden);
});
