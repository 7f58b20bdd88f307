/** The history of attention in a cache that lets go of pages. */
import { expect, test } from "vitest";
import type { KvCache } from "../../../src/core/draft/cache.ts";
import { Mass } from "../../../src/core/draft/keeping/mass.ts";

const LAYERS = [{ kvHeads: 1 }];
const cacheOf = (): { slots: number; out: number } => ({ slots: 0, out: 0 });
const chosen = (mass: Mass, from: number, end: number, left: number): number[] => {
  const out = new Int32Array(end);
  return [...out.subarray(0, mass.choose(0, 0, from, end, left, out))];
};
/** Attention of one query over `count` positions: all of it at these. */
const at = (count: number, ...positions: number[]): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => (positions.includes(i) ? 1 : 0));

test("what a position got moves with it when a page before it is let go of", () => {
  const cache = cacheOf();
  const mass = new Mass({ kind: "mass", observed: "all", pooled: 0 }, LAYERS);
  mass.begin(cache as KvCache, false);
  mass.add(0, 0, at(128, 5, 40, 100));
  Object.assign(cache, { slots: 128, out: 0 });
  mass.begin(cache as KvCache, true);
  expect(chosen(mass, 0, 128, 3)).toEqual([5, 40, 100]);
  // Page 1, where position 40 was, is out.
  Object.assign(cache, { slots: 96, out: 1 });
  mass.begin(cache as KvCache, true);
  expect(chosen(mass, 0, 97, 2)).toEqual([5, 68]);
});

test("what was cut off counts no more", () => {
  const cache = cacheOf();
  const mass = new Mass({ kind: "mass", observed: "all", pooled: 0 }, LAYERS);
  mass.begin(cache as KvCache, false);
  mass.add(0, 0, at(100, 7, 90));
  cache.slots = 80;
  mass.begin(cache as KvCache, true);
  expect(chosen(mass, 0, 100, 1)).toEqual([7]);
  expect(chosen(mass, 50, 100, 1)).toEqual([50]);
});

test("what was chosen of a prompt moves too, and all behind it is read, to the end of the prompt's pages and after", () => {
  const cache = cacheOf();
  const mass = new Mass({ kind: "mass", observed: "prompt", pooled: 0 }, LAYERS);
  mass.begin(cache as KvCache, false);
  mass.add(0, 0, at(120, 5, 40, 100));
  cache.slots = 120;
  mass.begin(cache as KvCache, true);
  expect(chosen(mass, 0, 119, 3)).toEqual([5, 40, 100]);
  expect(chosen(mass, 0, 121, 3)).toEqual([5, 40, 100, 118, 119, 120]);
  Object.assign(cache, { slots: 97, out: 1 });
  mass.begin(cache as KvCache, true);
  expect(chosen(mass, 0, 91, 3)).toEqual([5, 68, 86, 87, 88, 89, 90]);
  Object.assign(cache, { slots: 97, out: 8 });
  mass.begin(cache as KvCache, true);
  expect(chosen(mass, 0, 34, 3)).toEqual([5, 32, 33]);
});
