/** The page pool: borrowing, giving back, and eviction of the least recently used timeline. */
import { describe, expect, test } from "vitest";
import { KvCache, PagePool } from "../../src/core/draft/cache.ts";
import { storedAsIs } from "../support/stored-as-is.ts";

const PAGE = 64;

function pool(pages: number): PagePool {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const addresses = Array.from({ length: pages }, (_, i) => 1024 + i * PAGE);
  return new PagePool(addresses, storedAsIs(memory, PAGE));
}

function filled(pages: PagePool, length: number): KvCache {
  const cache = new KvCache(pages);
  cache.reserve(length);
  cache.extend(Array.from({ length }, (_, i) => i));
  return cache;
}

test("a cache takes a page per 32 tokens and gives back what a cut leaves empty", () => {
  const pages = pool(4);
  const cache = filled(pages, 33);
  expect(pages.free).toBe(2);
  cache.cut(32);
  expect(pages.free).toBe(3);
  cache.cut(31);
  expect(pages.free).toBe(3);
  expect(cache.tokens.length).toBe(31);
  cache.release();
  expect(pages.free).toBe(4);
  expect(cache.tokens).toEqual([]);
});

test("no two caches share a page", () => {
  const pages = pool(4);
  const held = [filled(pages, 40), filled(pages, 40)].flatMap((cache) => [...cache.pages]);
  expect(new Set(held).size).toBe(4);
});

test("an empty pool takes the pages of the timeline used least recently", () => {
  const pages = pool(4);
  const first = filled(pages, 40);
  const second = filled(pages, 40);
  first.reserve(1); // first is now the more recent
  const third = filled(pages, 20);
  expect(second.tokens).toEqual([]);
  expect(first.tokens.length).toBe(40);
  expect(third.tokens.length).toBe(20);
  expect(pages.free).toBe(1);
});

test("a timeline larger than the pool is refused with the limit, and the pool stays whole", () => {
  const pages = pool(2);
  const cache = filled(pages, 64);
  expect(() => cache.reserve(1)).toThrow("2 KV pages (64 tokens)");
  expect(cache.tokens.length).toBe(64);
  cache.release();
  expect(pages.free).toBe(2);
});

test("pages of another size, and pages after a partial page, are refused", () => {
  const pages = pool(4);
  const cache = filled(pages, 33);
  expect(() => new KvCache(pages).importPage([1], new Uint8Array(PAGE + 1))).toThrow(`${PAGE} bytes, got ${PAGE + 1}`);
  expect(() => cache.importPage([1], new Uint8Array(PAGE))).toThrow("partial");
});

test("commonPrefix counts equal leading tokens", () => {
  const cache = filled(pool(4), 10);
  expect(cache.commonPrefix([0, 1, 2, 9])).toBe(3);
  expect(cache.commonPrefix([0, 1, 2])).toBe(3);
  expect(cache.commonPrefix([])).toBe(0);
  expect(cache.commonPrefix(Array.from({ length: 20 }, (_, i) => i))).toBe(10);
});

describe("a bounded cache", () => {
  const read = (cache: KvCache, from: number, count: number) => {
    cache.reserve(count);
    cache.extend(Array.from({ length: count }, (_, i) => from + i));
  };

  test("holds its first page and the newest ones, and gives the others back", () => {
    const pages = pool(6);
    const cache = new KvCache(pages, 4);
    for (let at = 0; at < 200; at += 8) read(cache, at, 8);
    expect(cache.tokens.length).toBe(200);
    expect([0, 1, 2, 3, 4, 5, 6].filter((page) => cache.holds(page))).toEqual([0, 4, 5, 6]);
    expect(cache.slots).toBe(3 * 32 + 8);
    expect(pages.free).toBe(2);
    expect(() => cache.page(2)).toThrow("page 2 of 7 is not held");
  });

  test("is cut back within what it holds, and is empty when the page before the cut is out", () => {
    const pages = pool(6);
    const cache = new KvCache(pages, 4);
    for (let at = 0; at < 200; at += 8) read(cache, at, 8);
    cache.cut(130);
    expect([cache.tokens.length, cache.slots]).toEqual([130, 34]);
    read(cache, 130, 8);
    expect(cache.slots).toBe(42);
    cache.cut(128);
    expect([cache.tokens.length, pages.free]).toEqual([0, 6]);
  });

  test("goes on behind tokens that it has not read", () => {
    const pages = pool(6);
    const cache = new KvCache(pages, 4);
    read(cache, 0, 32);
    cache.skip(Array.from({ length: 320 }, (_, i) => 32 + i));
    read(cache, 352, 8);
    expect([cache.tokens.length, cache.slots, pages.free]).toEqual([360, 40, 4]);
    expect(() => cache.skip([1])).toThrow("not whole pages");
    cache.cut(355);
    expect(cache.slots).toBe(35);
    cache.cut(352);
    expect(cache.tokens).toEqual([]);
  });
});
