/**
 * Gradients of KL from a teacher, the tiny model, against PyTorch's in f64 (test/golden/make_divergence_gradients.py).
 */
import { afterAll, expect, test } from "vitest";
import { readPack } from "../../src/core/format/pack-reader.ts";
import { type BlockSuffix, EMBEDDING, FINAL_NORM, HEAD } from "../../src/core/model/tensors.ts";
import { openDirectory } from "../../src/core/platform/disk.ts";
import { Calibrator } from "../../src/tools/compress/calibrate/calibrator.ts";
import { FloatLlama } from "../../src/tools/compress/calibrate/float-llama.ts";
import type { EndTensor } from "../../src/tools/compress/calibrate/gradients/end-gradients.ts";
import { Gradients } from "../../src/tools/compress/calibrate/gradients/gradients.ts";
import { endOf, runThrough, score } from "../../src/tools/compress/calibrate/scoring/perplexity.ts";
import { Pool } from "../../src/tools/compress/calibrate/threads/pool.ts";
import { pruneDepth } from "../../src/tools/compress/stages/prune-depth.ts";
import { trimVocabulary } from "../../src/tools/compress/stages/trim-vocabulary.ts";
import { textOf } from "../support/calibration.ts";
import { goldenJson } from "../support/golden.ts";
import { type GoldenGradient, gradientDistances } from "../support/golden-gradients.ts";
import { TINY_PACKS } from "../support/tiny.ts";

interface Golden {
  readonly keep: number[];
  readonly windows: number[][];
  readonly losses: number[];
  readonly tensors: Record<string, GoldenGradient>;
}

const golden = goldenJson("divergence_tiny.json") as Golden;
const whole = await readPack(openDirectory(TINY_PACKS.target));
const shorter = pruneDepth(whole, { stage: "prune-depth", keep: golden.keep });
const pool = await Pool.open(2);
const [teacher, llama] = [new FloatLlama(pool, whole), new FloatLlama(pool, shorter)];
afterAll(() => pool[Symbol.asyncDispose]());

test("they are PyTorch's, and so is the divergence", async () => {
  const gradients = new Gradients(llama, teacher, true);
  await gradients.add(golden.windows);
  for (const [n, loss] of golden.losses.entries()) expect(Math.abs(gradients.losses[n]! / loss - 1)).toBeLessThan(1e-5);
  const distances = gradientDistances(golden.tensors, (name) => {
    const [, layer, suffix] = /^model\.layers\.(\d+)\.(.+)$/.exec(name) ?? [];
    if (suffix === undefined) {
      const end = (of: "sums" | "squares") => gradients.ends!.view(name as EndTensor, of);
      return { sum: end("sums"), squares: end("squares") };
    }
    const of = [Number(layer), suffix as BlockSuffix] as const;
    return { sum: gradients.sum(...of), squares: gradients.squares(...of) };
  });
  expect(Math.max(...Object.values(distances))).toBeLessThan(1e-4);
  const ended = await runThrough(teacher, golden.windows);
  const { divergence } = await score(llama, golden.windows, endOf(teacher, ended));
  teacher.releaseHidden(ended);
  expect(divergence).toBeCloseTo((gradients.losses[0]! + gradients.losses[1]!) / 2, 6);
  gradients.release();
});

test("a model that is its own teacher has none", async () => {
  const [cross, own] = [new Gradients(teacher), new Gradients(teacher, teacher)];
  for (const gradients of [cross, own]) await gradients.add(golden.windows);
  expect(own.losses[0]).toBeCloseTo(0, 6);
  const norm = (gradients: Gradients) => Math.hypot(...gradients.sum(2, "self_attn.q_proj.weight"));
  expect(norm(own) / norm(cross)).toBeLessThan(1e-5);
  for (const gradients of [cross, own]) gradients.release();
});

test("stages get their mean by name", async () => {
  const gradientOf = await new Calibrator(pool, textOf(golden.windows)).gradients(shorter, true, true, whole);
  const { norm } = golden.tensors["model.layers.1.mlp.up_proj.weight"]!;
  const { gradient, squares } = gradientOf("model.layers.1.mlp.up_proj.weight");
  expect(Math.hypot(...gradient) / (norm / golden.windows.length)).toBeCloseTo(1, 4);
  expect(squares!.every((value) => value >= 0)).toBe(true);
  expect(Math.hypot(...gradientOf(EMBEDDING).gradient)).toBeCloseTo(golden.tensors[EMBEDDING]!.norm / 2, 4);
});

test("where head and embedding are two matrices, theirs add up to that of the one", async () => {
  const tensors = new Map([...shorter.tensors, [HEAD, shorter.tensors.get(EMBEDDING)!]]);
  const untied = new FloatLlama(pool, { ...shorter, config: { ...shorter.config, tied: false }, tensors });
  const [one, two] = [new Gradients(llama, undefined, true), new Gradients(untied, undefined, true)];
  for (const gradients of [one, two]) await gradients.add(golden.windows);
  expect(one.ends!.names).toEqual([EMBEDDING, FINAL_NORM]);
  const sum = one.ends!.view(EMBEDDING, "sums");
  const [embedding, head] = [two.ends!.view(EMBEDDING, "sums"), two.ends!.view(HEAD, "sums")];
  const unread = Array.from({ length: 512 }, (_, id) => id).find((id) => !golden.windows.flat().includes(id))!;
  for (const [at, value] of sum.entries()) expect(Math.abs(embedding[at]! + head[at]! - value)).toBeLessThan(1e-6);
  expect(embedding.subarray(64 * unread, 64 * unread + 64).every((value) => value === 0)).toBe(true);
  expect(two.ends!.view(FINAL_NORM, "sums")).toEqual(one.ends!.view(FINAL_NORM, "sums"));
  for (const gradients of [one, two]) gradients.release();
  untied.release();
});

test("a teacher of another vocabulary is refused", async () => {
  const stage = { stage: "trim-vocabulary", keep: 400, by: "rank" } as const;
  const trimmed = new FloatLlama(
    pool,
    await trimVocabulary(whole, stage, new Calibrator(pool, textOf(golden.windows))),
  );
  expect(() => new Gradients(trimmed, teacher)).toThrow("vocabularies of 400 and 512");
});
