/** Moments of keys by the float engine against those of the keys that the quantised engine left in its pages. */
import { afterAll, expect, test } from "vitest";
import { readKeys } from "../../src/core/draft/infinigen/page-keys.ts";
import { writePack } from "../../src/core/format/pack.ts";
import { readPack, readPackHeader } from "../../src/core/format/pack-reader.ts";
import { headBlockBytes } from "../../src/core/kernels/abi.ts";
import { blockTensor, SKEW } from "../../src/core/model/tensors.ts";
import { openDirectory } from "../../src/core/platform/disk.ts";
import { Calibrator } from "../../src/tools/compress/calibrate/calibrator.ts";
import { Pool } from "../../src/tools/compress/calibrate/threads/pool.ts";
import { runStages } from "../../src/tools/compress/pipeline.ts";
import { textOf } from "../support/calibration.ts";
import { packedLlama } from "../support/packed-llama.ts";
import { seeded } from "../support/random.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const T = 32;
const tiny = await readPack(openDirectory(TINY_PACKS.target));
const { layers, kvHeads: G, headSize: D } = tiny.config;
const pool = await Pool.open(2);
const random = seeded(6);
const windows = Array.from({ length: 3 }, () => Array.from({ length: T }, () => Math.floor(random() * 512)));
const calibrator = new Calibrator(pool, textOf(windows));
afterAll(() => pool[Symbol.asyncDispose]());

test("keys have the moments of those in KV pages", async () => {
  const moments = await calibrator.moments(tiny);
  expect(moments.map((heads) => heads.length)).toEqual(new Array(layers).fill(G));
  const llama = packedLlama(tiny, "simd", 1, 1);
  const cache = llama.newCache();
  const seen: Float32Array[][] = Array.from({ length: layers * G }, () => []);
  for (const window of windows) {
    cache.cut(0);
    const { buffer } = llama.forward(cache, window, 0);
    const page = cache.pages[0]!;
    for (const [n, keys] of seen.entries()) {
      const own = new Float32Array(T * D);
      readKeys(buffer, page + n * headBlockBytes(D), D, own);
      for (let t = 0; t < T; t++) keys.push(own.slice(t * D, (t + 1) * D));
    }
  }
  for (const [n, keys] of seen.entries()) {
    const { keys: sums } = moments[Math.floor(n / G)]![n % G]!;
    const mean = Array.from({ length: D }, (_, d) => keys.reduce((sum, key) => sum + key[d]!, 0) / keys.length);
    let off = 0;
    let all = 0;
    for (let i = 0; i < D; i++) {
      for (let j = 0; j < D; j++) {
        const sum = keys.reduce((total, key) => total + (key[i]! - mean[i]!) * (key[j]! - mean[j]!), 0);
        off += (sum - sums[i * D + j]!) ** 2;
        all += sum ** 2;
      }
    }
    expect(Math.sqrt(off / all), `head ${n}`).toBeLessThan(0.02);
  }
});

test("the stage adds a skew of each layer and changes no other tensor; it must be the last", async () => {
  const skew = { stage: "skew", channels: 8 } as const;
  const made = await runStages(tiny, { model: "made", stages: [skew] }, calibrator);
  expect(made.config.skew).toBe(8);
  for (let layer = 0; layer < layers; layer++) {
    const { rows, cols } = made.tensors.get(blockTensor(layer, SKEW))!;
    expect([rows, cols]).toEqual([1, G * 8 * D]);
  }
  for (const [name, tensor] of tiny.tensors) expect(made.tensors.get(name)).toBe(tensor);
  const early = runStages(tiny, { model: "made", stages: [skew, { stage: "activations", bits: 8 }] }, calibrator);
  await expect(early).rejects.toThrow(/make it the last stage/);
  const odd = runStages(tiny, { model: "made", stages: [{ stage: "skew", channels: 6 }] }, calibrator);
  await expect(odd).rejects.toThrow(/take a multiple of 4 up to the 32/);
});

test("a pack with a skew is written and read like any other", async () => {
  const made = await runStages(tiny, { model: "made", stages: [{ stage: "skew", channels: 4 }] }, calibrator);
  const files = new Map<string, Uint8Array>();
  await writePack(made, { write: async (name, bytes) => void files.set(name, bytes) });
  const header = readPackHeader(new TextDecoder().decode(files.get("pack.json")));
  expect(header.config.skew).toBe(4);
  expect(header.tensors[blockTensor(0, SKEW)]).toMatchObject({ format: "f32", rows: 1, cols: G * 4 * D });
});
