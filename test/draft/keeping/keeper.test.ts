/**
 * What each policy reads, on keys made so that one of them counts: attention over what was chosen against attention
 * over all, by the same kernel.
 */
import { describe, expect, test } from "vitest";
import { atRest } from "../../../src/core/draft/at-rest.ts";
import { KvCache, PagePool } from "../../../src/core/draft/cache.ts";
import { Keeper } from "../../../src/core/draft/keeping/keeper.ts";
import { type PolicyName, readKeeping } from "../../../src/core/draft/keeping.ts";
import { planMemory } from "../../../src/core/draft/memory-plan.ts";
import { headBlockBytes } from "../../../src/core/kernels/abi.ts";
import { KEEPING_CASES } from "../../cases/keeping.ts";
import { boundKernels } from "../../support/kernels.ts";
import { seeded } from "../../support/random.ts";
import { packHeader, TINY_PACKS } from "../../support/tiny.ts";

const [D, H, G] = [32, 4, 2];
const COUNT = 240;
const PAGES = 8;
/** A layer that no policy reads whole. */
const LAYER = 1;
const NEEDLE = 77;

const identity = Float32Array.from({ length: G * D * D }, (_, i) => (Math.floor(i / D) % D === i % D ? 1 : 0));

/** A keeper over one cache of COUNT tokens with random keys, whose key at NEEDLE points along the query. */
function setUp(name: PolicyName, budget: number, least?: number) {
  const tiny = packHeader(TINY_PACKS.target);
  const keeping = { name, budget, ...(least !== undefined && { least }) };
  const plan = planMemory({ ...tiny, config: { ...tiny.config, skew: D } }, PAGES, 1, keeping);
  const memory = new WebAssembly.Memory({ initial: Math.ceil(plan.bytes / 65536) });
  const kernels = boundKernels("simd", memory);
  const layers = Array.from({ length: 6 }, (_, layer) => ({
    heads: H,
    kvHeads: G,
    offset: layer * G * headBlockBytes(D),
    skew: identity,
  }));
  const keeper = new Keeper(kernels, memory, plan.keeping!, plan, layers, D, keeping);
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
  floats(plan.keeping!.foretold, H * D).set(floats(qkv, H * D));
  const attend = (sparse: boolean): number[] => {
    keeper.begin(cache, sparse);
    keeper.attend(LAYER, { q: qkv, stride: H * D, out: mixed, outStride: H * D }, 1, COUNT - 1, 0);
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
  return { keeper, cache, attend, spoil };
}

const distance = (a: readonly number[], b: readonly number[]): number =>
  Math.hypot(...a.map((value, i) => value - b[i]!)) / Math.hypot(...b);

describe.each(KEEPING_CASES)("$name", ({ name, finds, sinks }) => {
  test("with the whole budget gives the bits of attention over all keys", () => {
    const { attend, keeper } = setUp(name, 1);
    const all = attend(false);
    expect(attend(true)).toEqual(all);
    expect(keeper.read.read).toBe(keeper.read.held);
  });

  test(`${finds ? "finds" : "does not find"} an old key that the query points to`, () => {
    const { attend } = setUp(name, 0.25);
    const all = attend(false);
    const off = distance(attend(true), all);
    if (finds) expect(off).toBeLessThan(0.02);
    else expect(off).toBeGreaterThan(0.2);
  });

  test("reads no more than its budget", () => {
    for (const budget of [0.1, 0.25, 0.5]) {
      const { attend, keeper } = setUp(name, budget);
      attend(false);
      attend(true);
      // What no index has yet is read in any case.
      expect(keeper.read.read / keeper.read.held).toBeLessThanOrEqual(Math.max(budget, 32 / COUNT));
      expect(keeper.read.read).toBeGreaterThan(0);
    }
  });

  test("always reads the newest key, and its first ones", () => {
    for (const position of [COUNT - 1, ...Array.from({ length: sinks }, (_, i) => i)]) {
      const { attend, spoil } = setUp(name, 0.25);
      attend(false);
      const before = attend(true);
      spoil(position);
      expect(attend(true), `position ${position}`).not.toEqual(before);
    }
  });

  test("indexes again what was cut off and written anew", () => {
    const { attend, cache } = setUp(name, 0.25);
    attend(false);
    const before = attend(true);
    cache.cut(100);
    expect(cache.indexed).toBeLessThanOrEqual(100);
    cache.reserve(COUNT - 100);
    cache.extend(new Array(COUNT - 100).fill(0));
    if (name !== "h2o") expect(attend(true)).toEqual(before);
  });
});

test("window reads nothing between its first keys and the newest", () => {
  const { attend, spoil } = setUp("window", 0.25);
  const before = attend(true);
  for (let position = 4; position < COUNT - 56; position++) spoil(position);
  expect(attend(true)).toEqual(before);
  spoil(COUNT - 56);
  expect(attend(true)).not.toEqual(before);
});

test("a setting names a policy and a share, or the tokens that are held", () => {
  expect(readKeeping("all")).toEqual({});
  expect(readKeeping("near:384")).toEqual({ held: 384 });
  expect(readKeeping("quest:0.2")).toEqual({ keeping: { name: "quest", budget: 0.2, least: 512 } });
  const near = ["near", "near:0.2", "near:64", "near:400", "near:-96", "near:384:1"];
  for (const text of ["quest", "quest:0", "quest:1.1", "quest:0.2:3", "nothing:0.2", "toString:0.2", "", ...near]) {
    expect(() => readKeeping(text), text).toThrow(/names no policy of which keys are read/);
  }
});

test("a setting reads all keys while they are few", () => {
  const { attend, keeper } = setUp("window", 0.25, 512);
  const all = attend(false);
  expect(attend(true)).toEqual(all);
  expect(keeper.read.read).toBe(COUNT * G);
});

test("a policy that needs a skew says so", () => {
  const plan = planMemory(packHeader(TINY_PACKS.target), 1, 1, { name: "asked", budget: 0.2 });
  const memory = new WebAssembly.Memory({ initial: Math.ceil(plan.bytes / 65536) });
  const bare = [{ heads: H, kvHeads: G, offset: 0, skew: new Float32Array(0) }];
  const make = () =>
    new Keeper(boundKernels("simd", memory), memory, plan.keeping!, plan, bare, D, { name: "asked", budget: 0.2 });
  expect(make).toThrow(/needs a pack with a skew/);
});
