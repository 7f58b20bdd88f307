/**
 * What InfiniGen reads, on keys made so that one of them counts: attention over what was chosen against attention
 * over all, by the same kernel.
 */
import { expect, test } from "vitest";
import { atRest } from "../../../src/core/draft/at-rest.ts";
import { KvCache, PagePool } from "../../../src/core/draft/cache.ts";
import { InfiniGen } from "../../../src/core/draft/infinigen/infinigen.ts";
import { planMemory } from "../../../src/core/draft/memory-plan.ts";
import { headBlockBytes } from "../../../src/core/kernels/abi.ts";
import { boundKernels } from "../../support/kernels.ts";
import { seeded } from "../../support/random.ts";
import { packHeader, TINY_PACKS } from "../../support/tiny.ts";

const [D, H, G] = [32, 4, 2];
const COUNT = 240;
const PAGES = 8;
/** A layer that is not read whole. */
const LAYER = 1;
const NEEDLE = 77;

const identity = Float32Array.from({ length: G * D * D }, (_, i) => (Math.floor(i / D) % D === i % D ? 1 : 0));

/**
 * InfiniGen over one cache of COUNT tokens with random keys, whose key at NEEDLE points along the query. That query is
 * foretold for LAYER, and its opposite for the other layers.
 */
function setUp(share: number, least?: number) {
  const tiny = packHeader(TINY_PACKS.target);
  const budget = { share, ...(least !== undefined && { least }) };
  const plan = planMemory({ ...tiny, config: { ...tiny.config, skew: D } }, PAGES, 1, budget);
  const memory = new WebAssembly.Memory({ initial: Math.ceil(plan.bytes / 65536) });
  const kernels = boundKernels("simd", memory);
  const layers = Array.from({ length: 6 }, (_, layer) => ({
    heads: H,
    kvHeads: G,
    offset: layer * G * headBlockBytes(D),
    skew: identity,
  }));
  const cache = new KvCache(new PagePool(plan.pages, atRest(tiny, kernels, memory, plan)));
  cache.reserve(COUNT);
  cache.extend(new Array(COUNT).fill(0));
  new Uint32Array(memory.buffer, plan.scratch.pageTable, PAGES).set(cache.pages);

  const random = seeded(5);
  const floats = (at: number, n: number) => new Float32Array(memory.buffer, at, n);
  const query = Float32Array.from({ length: D }, () => random() - 0.5);
  const { qkv, mixed } = plan.scratch;
  for (let position = 0; position < COUNT; position++) {
    const row = floats(qkv, 2 * G * D).map(() => random() - 0.5);
    if (position === NEEDLE) for (let i = 0; i < G * D; i++) row[i] = 40 * query[i % D]!;
    floats(qkv, 2 * G * D).set(row);
    for (const { offset } of layers) {
      kernels.kvAppend(qkv, qkv + 4 * G * D, 2 * G * D, 1, G, D, plan.scratch.pageTable, offset, position);
    }
  }
  for (let h = 0; h < H; h++) floats(qkv, H * D).set(query, h * D);
  const infinigen = new InfiniGen(kernels, memory, plan.infinigen!, plan, layers, D, budget, (layer, _row, _T, out) => {
    const sign = layer === LAYER ? 1 : -1;
    floats(out, H * D).set(floats(qkv, H * D).map((value) => sign * value));
  });
  const attend = (sparse: boolean): number[] => {
    infinigen.begin(cache, sparse);
    const queries = { q: qkv, stride: H * D, out: mixed, outStride: H * D };
    infinigen.attend(LAYER - 1, queries, 1, COUNT - 1, 0);
    Object.assign(infinigen.read, { held: 0, read: 0 });
    infinigen.attend(LAYER, queries, 1, COUNT - 1, 0);
    return [...floats(mixed, H * D)];
  };
  /** Overwrites what a position holds in the layer: it gets all attention of a query that reads it. */
  const spoil = (position: number): void => {
    const { offset } = layers[LAYER]!;
    floats(mixed, 2 * G * D)
      .fill(1)
      .set(Float32Array.from({ length: G * D }, (_, i) => 80 * query[i % D]!));
    kernels.kvAppend(mixed, mixed + 4 * G * D, 2 * G * D, 1, G, D, plan.scratch.pageTable, offset, position);
  };
  return { infinigen, cache, attend, spoil };
}

const distance = (a: readonly number[], b: readonly number[]): number =>
  Math.hypot(...a.map((value, i) => value - b[i]!)) / Math.hypot(...b);

test("with the whole budget gives the bits of attention over all keys", () => {
  const { attend, infinigen } = setUp(1);
  const all = attend(false);
  expect(attend(true)).toEqual(all);
  expect(infinigen.read.read).toBe(infinigen.read.held);
});

test("finds an old key that the layer's own query points to", () => {
  const { attend } = setUp(0.25);
  const all = attend(false);
  expect(distance(attend(true), all)).toBeLessThan(0.02);
});

test("reads no more than its budget", () => {
  for (const budget of [0.1, 0.25, 0.5]) {
    const { attend, infinigen } = setUp(budget);
    attend(false);
    attend(true);
    // What no index has yet is read in any case.
    expect(infinigen.read.read / infinigen.read.held).toBeLessThanOrEqual(Math.max(budget, 32 / COUNT));
    expect(infinigen.read.read).toBeGreaterThan(0);
  }
});

test("always reads the newest key", () => {
  const { attend, spoil } = setUp(0.25);
  attend(false);
  const before = attend(true);
  spoil(COUNT - 1);
  expect(attend(true)).not.toEqual(before);
});

test("indexes again what was cut off and written anew", () => {
  const { attend, cache } = setUp(0.25);
  attend(false);
  const before = attend(true);
  cache.cut(100);
  expect(cache.indexed).toBeLessThanOrEqual(100);
  cache.reserve(COUNT - 100);
  cache.extend(new Array(COUNT - 100).fill(0));
  expect(attend(true)).toEqual(before);
});

test("a setting reads all keys while they are few", () => {
  const { attend, infinigen } = setUp(0.25, 512);
  const all = attend(false);
  expect(attend(true)).toEqual(all);
  expect(infinigen.read.read).toBe(COUNT * G);
});

test("without a skew it says what is missing", () => {
  const plan = planMemory(packHeader(TINY_PACKS.target), 1, 1, { share: 0.2 });
  const memory = new WebAssembly.Memory({ initial: Math.ceil(plan.bytes / 65536) });
  const bare = [{ heads: H, kvHeads: G, offset: 0, skew: new Float32Array(0) }];
  const make = () =>
    new InfiniGen(boundKernels("simd", memory), memory, plan.infinigen!, plan, bare, D, { share: 0.2 }, () => {});
  expect(make).toThrow(/needs a pack with a skew/);
});
