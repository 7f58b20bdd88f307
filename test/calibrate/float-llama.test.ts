/**
 * The float Llama on the tiny model against plain loops in f64, against the service's engine, and against itself on
 * other numbers of threads.
 */
import { afterAll, describe, expect, test } from "vitest";
import { readPack } from "../../src/core/format/pack-reader.ts";
import { type BlockSuffix, blockSuffixes, blockTensor } from "../../src/core/model/tensors.ts";
import { openDirectory } from "../../src/core/platform/disk.ts";
import { FloatLlama } from "../../src/tools/compress/calibrate/float-llama.ts";
import { Gradients } from "../../src/tools/compress/calibrate/gradients/gradients.ts";
import { answers, endOf, runThrough, score } from "../../src/tools/compress/calibrate/scoring/perplexity.ts";
import { compressSequentially } from "../../src/tools/compress/calibrate/solving/sequential.ts";
import { type BlockStatistics, blockStatistics } from "../../src/tools/compress/calibrate/solving/statistics.ts";
import { Pool } from "../../src/tools/compress/calibrate/threads/pool.ts";
import { floatTensor } from "../../src/tools/compress/rounding/tensors.ts";
import { type PlainBlock, PlainLlama } from "../support/plain-llama.ts";
import { seeded } from "../support/random.ts";
import { loadPack, TINY_PACKS } from "../support/tiny.ts";

const model = await readPack(openDirectory(TINY_PACKS.target));
const { vocabulary, layers, embedding, feedForward } = model.config;
const INPUTS = ["qkv", "o", "gateUp", "down"] as const;
const Q = "self_attn.q_proj.weight";

/** Longer than a stripe of attention, and a multiple of nothing. */
const TOKENS = 101;
const random = seeded(3);
const windows = Array.from({ length: 3 }, () =>
  Array.from({ length: TOKENS }, () => Math.floor(random() * vocabulary)),
);

const pool = await Pool.open(2);
const llama = new FloatLlama(pool, model);
const plain = new PlainLlama(model);
afterAll(() => pool[Symbol.asyncDispose]());

const relative = (ours: ArrayLike<number>, theirs: ArrayLike<number>): number => {
  let error = 0;
  let size = 0;
  for (let i = 0; i < theirs.length; i++) {
    error += (ours[i]! - theirs[i]!) ** 2;
    size += theirs[i]! ** 2;
  }
  return Math.sqrt(error / size);
};

function expectGrams(statistics: BlockStatistics, blocks: readonly PlainBlock[]): void {
  for (const input of INPUTS) {
    const { cols, gram, squares } = statistics[input];
    const expected = new Float64Array(cols * cols);
    for (const block of blocks) {
      for (const x of block[input]) {
        for (let i = 0; i < cols; i++) for (let j = 0; j < cols; j++) expected[i * cols + j]! += x[i]! * x[j]!;
      }
    }
    expect(relative(gram!, expected)).toBeLessThan(1e-5);
    const diagonal = squares.map((_, i) => expected[i * cols + i]!);
    expect(relative(squares, diagonal)).toBeLessThan(1e-5);
  }
}

test("losses and argmaxes are those of f64", async () => {
  let n = 0;
  for await (const { losses, argmax } of answers(llama, windows)) {
    const window = windows[n++]!;
    const rows = plain.logProbabilities(window);
    expect(losses).toHaveLength(TOKENS - 1);
    for (const [t, loss] of losses.entries()) {
      expect(Math.abs(loss + rows[t]![window[t + 1]!]!)).toBeLessThan(1e-4);
      expect(rows[t]!.indexOf(rows[t]!.reduce((a, b) => Math.max(a, b)))).toBe(argmax[t]);
    }
  }
  expect(n).toBe(windows.length);
});

test("the service's engine, whose activations have 14 bits, answers alike", async () => {
  const engine = await loadPack(TINY_PACKS.target, 12, 1);
  for await (const { argmax } of answers(llama, windows.slice(0, 1))) {
    const cache = engine.newCache();
    let same = 0;
    for (const [t, token] of windows[0]!.slice(0, -1).entries()) {
      engine.forward(cache, [token], 1);
      if (engine.argmax(0) === argmax[t]) same++;
    }
    expect(same).toBeGreaterThanOrEqual(0.98 * (TOKENS - 1));
  }
});

test("statistics and cosine of a block are those of f64", async () => {
  const hidden = llama.embed(windows);
  const plainly = windows.map((window) => plain.run(window).blocks);
  for (let layer = 0; layer < 2; layer++) {
    const blocks = plainly.map((all) => all[layer]!);
    expectGrams(await blockStatistics(llama, layer, hidden, "gram"), blocks);
    let cosines = 0;
    for (const { before, after } of blocks) {
      for (const [t, x] of before.entries()) {
        const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
        cosines += dot(x, after[t]!) / Math.sqrt(dot(x, x) * dot(after[t]!, after[t]!));
      }
    }
    expect(await llama.runBlock(layer, hidden)).toBeCloseTo(cosines / (windows.length * TOKENS), 5);
  }
  llama.releaseHidden(hidden);
});

test("a block's statistics are of its old weights on what the changed blocks before it give", async () => {
  const other = new FloatLlama(pool, model);
  const changed = new PlainLlama(model);
  const scale = (values: Float32Array) => values.map((value, i) => (i % 3 ? value : 0));
  const seen: number[] = [];
  await compressSequentially(other, windows, "gram", (layer, statistics, weights) => {
    if (layer < 2) {
      expectGrams(
        statistics,
        windows.map((window) => changed.run(window).blocks[layer]!),
      );
    }
    const name = blockTensor(layer, "mlp.up_proj.weight");
    const values = scale(weights("mlp.up_proj.weight"));
    changed.tensors.set(name, Float64Array.from(values));
    seen.push(layer);
    return new Map([["mlp.up_proj.weight", floatTensor(values, feedForward, embedding)]]);
  });
  expect(seen).toEqual(Array.from({ length: layers }, (_, layer) => layer));
  const ended = await runThrough(llama, windows);
  const { loss, divergence, agreement } = await score(other, windows, endOf(llama, ended));
  llama.releaseHidden(ended);
  let sum = 0;
  let apart = 0;
  let same = 0;
  for (const window of windows) {
    sum += changed.loss(window);
    const [p, q] = [plain.logProbabilities(window), changed.logProbabilities(window)];
    const best = (row: Float64Array) => row.indexOf(row.reduce((a, b) => Math.max(a, b)));
    for (let t = 0; t < TOKENS - 1; t++) {
      apart += p[t]!.reduce((total, value, i) => total + Math.exp(value) * (value - q[t]![i]!), 0);
      if (best(p[t]!) === best(q[t]!)) same++;
    }
  }
  const positions = windows.length * (TOKENS - 1);
  expect(loss).toBeCloseTo(sum / windows.length, 4);
  expect(divergence).toBeCloseTo(apart / positions, 4);
  expect(agreement).toBe(same / positions);
  other.release();
});

test("gradients are the slopes of the loss in f64", async () => {
  const gradients = new Gradients(llama);
  // The plain loops run over them eighty times.
  const two = windows.slice(0, 2).map((window) => window.slice(0, 37));
  await gradients.add(two);
  const slope = (name: string, at: number, window: number[]): number => {
    const values = plain.tensors.get(name)!;
    const value = values[at]!;
    const STEP = 1e-4;
    const [up, down] = [STEP, -STEP].map((step) => {
      values[at] = value + step;
      return plain.loss(window);
    });
    values[at] = value;
    return (up! - down!) / (2 * STEP);
  };
  for (const [n, suffix] of blockSuffixes(model.config).entries()) {
    const layer = n % layers;
    const sum = gradients.sum(layer, suffix);
    const at = sum.reduce((best, value, i) => (Math.abs(value) > Math.abs(sum[best]!) ? i : best), 0);
    const slopes = two.map((window) => slope(blockTensor(layer, suffix), at, window));
    expect(sum[at]! / (slopes[0]! + slopes[1]!)).toBeCloseTo(1, 3);
    expect(gradients.squares(layer, suffix)[at]! / (slopes[0]! ** 2 + slopes[1]! ** 2)).toBeCloseTo(1, 3);
  }
  expect(gradients.losses[1]).toBeCloseTo(plain.loss(two[1]!), 4);
  gradients.release();
});

test("some blocks alone are a model without the others", async () => {
  const kept = [0, 1, 4];
  const draft = await readPack(openDirectory(TINY_PACKS.draft));
  const { loss } = await score(llama, windows, undefined, kept);
  expect(loss).toBeCloseTo(windows.reduce((sum, window) => sum + new PlainLlama(draft).loss(window), 0) / 3, 4);
});

describe("threads", () => {
  const everything = async (threads: number): Promise<number[]> => {
    await using own = await Pool.open(threads);
    const one = new FloatLlama(own, model);
    const hidden = one.embed(windows);
    await one.runBlock(0, hidden);
    const { down } = await blockStatistics(one, 1, hidden, "gram");
    const gradients = new Gradients(one);
    await gradients.add(windows);
    const { loss } = await score(one, windows);
    return [
      loss,
      ...gradients.losses,
      ...down.gram!,
      ...gradients.squares(2, Q as BlockSuffix),
      ...gradients.sum(5, Q),
    ];
  };

  test("one, two and three give the same bits", async () => {
    const [one, two, three] = [await everything(1), await everything(2), await everything(3)];
    expect(two).toEqual(one);
    expect(three).toEqual(one);
  });

  test("windows that do not fit the model are refused with what to do", () => {
    expect(() => llama.embed([[1]])).toThrow("longer text");
    expect(() => llama.embed([[1, vocabulary]])).toThrow("tokenizer");
    expect(() => llama.embed([[1, 2], [1]])).toThrow("cut them alike");
  });
});
