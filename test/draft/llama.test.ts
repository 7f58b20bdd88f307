/** The forward pass on the tiny model: the same bits whatever the batch, the build, or what ran before. */

import { beforeAll, describe, expect, test } from "vitest";
import { type Llama, loadLlama } from "../../src/core/draft/llama.ts";
import { CHUNK } from "../../src/core/draft/memory-plan.ts";
import { pageBytes } from "../../src/core/kernels/abi.ts";
import { totalKvHeads } from "../../src/core/model/config.ts";
import { shardReader } from "../../src/core/platform/disk.ts";
import { BUILDS, kernelModules, onlyBuild } from "../support/kernels.ts";
import { seeded } from "../support/random.ts";
import { loadPack, packHeader, TINY_PACKS } from "../support/tiny.ts";

const ROWS = 16;

function randomTokens(n: number, vocabulary: number, seed: number): number[] {
  const random = seeded(seed);
  return Array.from({ length: n }, () => Math.floor(random() * vocabulary));
}

/** Logits of every token, fed in the given chunk sizes. */
function logitsInChunks(llama: Llama, tokens: readonly number[], sizes: readonly number[]): Float32Array {
  const { vocabulary } = llama.header.config;
  const all = new Float32Array(tokens.length * vocabulary);
  const cache = llama.newCache();
  for (let at = 0, i = 0; at < tokens.length; i++) {
    const chunk = tokens.slice(at, at + (sizes[i % sizes.length] as number));
    all.set(llama.forward(cache, chunk, chunk.length), at * vocabulary);
    at += chunk.length;
  }
  cache.release();
  return all;
}

describe("forward", () => {
  let llama: Llama;
  let tokens: number[];

  beforeAll(async () => {
    llama = await loadPack(TINY_PACKS.target, 12, ROWS);
    tokens = randomTokens(150, llama.header.config.vocabulary, 1);
  });

  test.each([[[16]], [[2]], [[3]], [[4, 5]], [[7, 1, 16]], [[9]], [[15, 2]]])(
    "chunks of %j give the logits of one token at a time, bit for bit",
    (sizes) => {
      expect(logitsInChunks(llama, tokens, sizes)).toEqual(logitsInChunks(llama, tokens, [1]));
    },
  );

  test("a long call equals many short ones, and returns the last rows", () => {
    const { vocabulary } = llama.header.config;
    const cache = llama.newCache();
    const last = llama.forward(cache, tokens, 5).slice();
    cache.release();
    const all = logitsInChunks(llama, tokens, [1]);
    expect(last).toEqual(all.subarray((tokens.length - 5) * vocabulary));
  });

  test("siblings see what the tokens do that they stand in for, and leave no trace", () => {
    const { vocabulary } = llama.header.config;
    const chain = tokens.slice(61, 69);
    const siblings = [3, 7, 3, 1, 6].map((at, i) => ({ at, id: (chain[at]! + 1 + i) % vocabulary }));
    const cache = llama.newCache();
    llama.forward(cache, tokens.slice(0, 61), 0);
    const logits = llama.forward(cache, chain, chain.length, siblings).slice();
    const next = llama.forward(cache, tokens.slice(69, 75), 6).slice();
    expect(cache.tokens).toEqual(tokens.slice(0, 75));
    cache.release();
    const alone = logitsInChunks(llama, tokens.slice(0, 75), [1]);
    expect(logits.subarray(0, 8 * vocabulary)).toEqual(alone.slice(61 * vocabulary, 69 * vocabulary));
    expect(next).toEqual(alone.slice(69 * vocabulary));
    for (const [i, { at, id }] of siblings.entries()) {
      const instead = logitsInChunks(llama, [...tokens.slice(0, 61 + at), id], [1]).slice(-vocabulary);
      expect(logits.slice((8 + i) * vocabulary, (9 + i) * vocabulary), `sibling ${i}`).toEqual(instead);
    }
  });

  test("siblings of a long call are in its last chunk", () => {
    const { vocabulary } = llama.header.config;
    for (const length of [31, 32, 33, 60, 62, 64]) {
      const cache = llama.newCache();
      const sibling = { at: length - 1, id: (tokens[length - 1]! + 1) % vocabulary };
      const logits = llama.forward(cache, tokens.slice(0, length), 3, [sibling, sibling]).slice(3 * vocabulary);
      cache.release();
      const instead = logitsInChunks(llama, [...tokens.slice(0, length - 1), sibling.id], [1]).slice(-vocabulary);
      expect(logits).toEqual(Float32Array.from([...instead, ...instead]));
    }
  });

  test("cutting back and going on equals never having gone astray", () => {
    const cache = llama.newCache();
    llama.forward(cache, tokens.slice(0, 70), 0);
    llama.forward(cache, randomTokens(20, 256, 9), 1);
    cache.cut(61);
    const after = llama.forward(cache, tokens.slice(61, 75), 14).slice();
    cache.release();
    const { vocabulary } = llama.header.config;
    expect(after).toEqual(logitsInChunks(llama, tokens.slice(0, 75), [1]).subarray(61 * vocabulary));
  });

  test("pages stored and restored elsewhere cost half the bytes, and hardly change the logits", async () => {
    const cache = llama.newCache();
    llama.forward(cache, tokens.slice(0, 75), 1);
    const pages = cache.pages.map((_, i) => cache.page(i).slice());
    const { config } = llama.header;
    expect(pages[0]!.length * 2).toBeLessThan(pageBytes(totalKvHeads(config), config.headSize));
    const expected = llama.forward(cache, tokens.slice(75, 76), 1).slice();
    cache.release();

    const other = await loadPack(TINY_PACKS.target, 12, ROWS);
    /** How far the next logits are off, relative to their size, after these pages were restored. */
    const errorAfter = (order: readonly number[]): number => {
      const restored = other.newCache();
      for (const [i, page] of order.entries()) {
        restored.importPage(tokens.slice(i * 32, Math.min(75, i * 32 + 32)), pages[page]!);
      }
      expect(restored.tokens).toEqual(tokens.slice(0, 75));
      const logits = other.forward(restored, tokens.slice(75, 76), 1);
      const error = Math.hypot(...expected.map((x, i) => x - logits[i]!)) / Math.hypot(...expected);
      restored.release();
      return error;
    };
    // The weights are random, and so the logits feel each bit.
    const error = errorAfter([0, 1, 2]);
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(0.4);
    expect(errorAfter([0, 0, 2])).toBeGreaterThan(2 * error);
  });

  test("behind pages that are out, tokens keep their positions and see what is held", () => {
    // Attention knows distances alone: behind skipped tokens the same text has the same logits, but for rounding.
    const { vocabulary } = llama.header.config;
    const fresh = llama.newCache();
    const expected = llama.forward(fresh, tokens.slice(0, 40), 1).slice();
    fresh.release();
    const cache = llama.newCache(4);
    cache.skip(tokens.slice(0, 64));
    const shifted = llama.forward(cache, tokens.slice(0, 40), 1).slice();
    const off = Math.hypot(...expected.map((x, i) => x - shifted[i]!)) / Math.hypot(...expected);
    expect(off).toBeLessThan(0.02);
    expect(cache.tokens.length).toBe(104);
    expect(vocabulary).toBe(shifted.length);
    cache.release();
  });

  test("a bounded cache equals one without a bound as long as it holds everything, in chunks or at once", () => {
    const bounded = llama.newCache(4);
    const logits = llama.forward(bounded, tokens.slice(0, 75), 5).slice();
    bounded.release();
    const cache = llama.newCache();
    expect(logits).toEqual(llama.forward(cache, tokens.slice(0, 75), 5));
    cache.release();
  });

  test("all builds give the same bits", async () => {
    const [first, ...others] = await Promise.all(
      BUILDS.map(async (build) =>
        logitsInChunks(await loadPack(TINY_PACKS.target, 12, ROWS, onlyBuild(build)), tokens, [6]),
      ),
    );
    for (const other of others) expect(other).toEqual(first);
  });

  test("refuses ids outside the vocabulary and more than the context, and keeps what it held", () => {
    const { vocabulary, context } = llama.header.config;
    const cache = llama.newCache();
    llama.forward(cache, [1, 2, 3], 1);
    expect(() => llama.forward(cache, [vocabulary], 1)).toThrow(`token id ${vocabulary} is outside the vocabulary`);
    expect(() => llama.forward(cache, [-1], 1)).toThrow("outside the vocabulary");
    expect(() => llama.forward(cache, [1.5], 1)).toThrow("outside the vocabulary");
    expect(() => llama.forward(cache, new Array(context).fill(1), 1)).toThrow(`context is ${context} tokens`);
    expect(cache.tokens).toEqual([1, 2, 3]);
    cache.release();
  });
});

test("a shard that ends early is refused, not half used", async () => {
  const header = packHeader(TINY_PACKS.target);
  const whole = shardReader(TINY_PACKS.target, header);
  async function* short(index: number): AsyncIterable<Uint8Array> {
    for await (const chunk of whole(index)) {
      yield chunk.subarray(0, chunk.length >> 1);
      return;
    }
  }
  await expect(loadLlama(header, short, kernelModules(), { pages: 2, rows: 1 })).rejects.toThrow("make the pack again");
});

test("rows of logits are at most the tokens of one pass, and all of them are right", async () => {
  await expect(loadPack(TINY_PACKS.target, 2, CHUNK + 1)).rejects.toThrow("33 rows of logits: one pass has 32 tokens");
  const llama = await loadPack(TINY_PACKS.target, 2, CHUNK);
  const tokens = randomTokens(CHUNK + 5, llama.header.config.vocabulary, 2);
  const logits = llama.forward(llama.newCache(), tokens, CHUNK).slice();
  const all = logitsInChunks(llama, tokens, [1]);
  expect(logits).toEqual(all.subarray(5 * llama.header.config.vocabulary));
  expect(() => llama.forward(llama.newCache(), tokens, CHUNK + 1)).toThrow("loaded for 32");
});

test("a model that no WebAssembly memory holds is refused before any of it is read", async () => {
  const loading = loadPack(TINY_PACKS.target, 200_000, 1);
  await expect(loading).rejects.toThrow(expect.objectContaining({ code: "too_large" }));
  await expect(loading).rejects.toThrow("need 6.3 GiB, and one WebAssembly memory ends at 4 GiB");
});

test("shards arriving in pieces of any size load the same bytes", async () => {
  const header = packHeader(TINY_PACKS.target);
  const whole = shardReader(TINY_PACKS.target, header);
  async function* crumbs(index: number): AsyncIterable<Uint8Array> {
    for await (const chunk of whole(index)) {
      for (let at = 0; at < chunk.length; at += 777) yield chunk.subarray(at, at + 777);
    }
  }
  const llama = await loadLlama(header, crumbs, kernelModules(), { pages: 2, rows: 1 });
  const expected = await loadPack(TINY_PACKS.target, 2, 1);
  expect(llama.forward(llama.newCache(), [5, 6, 7], 1)).toEqual(expected.forward(expected.newCache(), [5, 6, 7], 1));
});
