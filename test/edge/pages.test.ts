/** What a Session stores, against a real SQLite: Node's own, behind the shape of a Durable Object's storage. */
import { beforeEach, describe, expect, test, vi } from "vitest";
import { KvCache, PagePool } from "../../src/core/draft/cache.ts";
import { PageStore, ROW_BYTES } from "../../src/edge/store/pages.ts";
import { TimelineStore } from "../../src/edge/store/timeline-store.ts";
import { type MemoryStorage, memoryStorage } from "../support/memory-storage.ts";
import { seeded } from "../support/random.ts";
import { storedAsIs } from "../support/stored-as-is.ts";

/** Three rows a page. */
const PAGE_BYTES = 2 * ROW_BYTES + 1000;
const PAGES = 12;
const PACK = "a-pack";

let memorized: MemoryStorage;
let storage: DurableObjectStorage;
let pool: PagePool;
let memory: WebAssembly.Memory;

beforeEach(() => {
  memorized = memoryStorage();
  storage = memorized.storage;
  memory = new WebAssembly.Memory({ initial: Math.ceil((PAGE_BYTES * (PAGES + 1)) / 65536) });
  const addresses = Array.from({ length: PAGES }, (_, i) => 64 + i * PAGE_BYTES);
  pool = new PagePool(addresses, storedAsIs(memory, PAGE_BYTES));
});

/** What a page's memory should hold is a function of the tokens up to its end, as with real keys and values. */
function fill(cache: KvCache, tokens: readonly number[]): void {
  cache.reserve(tokens.length);
  cache.extend(tokens);
  const bytes = new Uint8Array(memory.buffer);
  for (const [page, address] of cache.pages.entries()) {
    const known = cache.tokens.slice(0, (page + 1) * 32);
    const random = seeded(known.reduce((seed, token) => (Math.imul(seed, 31) + token) >>> 0, 7));
    for (let at = 0; at < PAGE_BYTES; at += 997) bytes[address + at] = Math.floor(random() * 256);
  }
}

const timeline = (length: number, from = 0): number[] => Array.from({ length }, (_, i) => 1000 + from + i);
const rows = (query: string) => memorized.database().prepare(query).all() as Record<string, number>[];

function stored(length: number): { store: PageStore; tokens: number[]; pages: Uint8Array[] } {
  const store = new PageStore(storage);
  const tokens = timeline(length);
  const cache = new KvCache(pool);
  fill(cache, tokens);
  store.save(cache, PACK);
  const pages = cache.pages.map((_, page) => cache.page(page).slice());
  cache.release();
  new Uint8Array(memory.buffer).fill(0);
  return { store, tokens, pages };
}

function restored(store: PageStore, wanted: readonly number[], pack = PACK): KvCache {
  const cache = new KvCache(pool);
  expect(store.restore(cache, wanted, pack)).toBe(cache.tokens.length);
  return cache;
}

describe("KV pages in SQLite", () => {
  test("come back byte for byte, whole ones only, in rows that fit", () => {
    const { store, tokens, pages } = stored(70);
    expect(rows("SELECT page, part FROM pages ORDER BY page, part").map((row) => [row.page, row.part])).toEqual(
      [0, 1].flatMap((page) => [0, 1, 2].map((part) => [page, part])),
    );
    expect(rows("SELECT max(length(bytes)) AS most FROM pages")[0]?.most).toBeLessThanOrEqual(1_900_000);
    const cache = restored(store, [...tokens, 5, 6]);
    expect(cache.tokens).toEqual(tokens.slice(0, 64));
    for (const [page, bytes] of pages.slice(0, 2).entries()) expect(Buffer.compare(cache.page(page), bytes)).toBe(0);
  });

  test.each([0, 1, 31, 32, 33, 63, 64])("a timeline that differs from token %d on gets those before", (common) => {
    const { store, tokens } = stored(70);
    expect(restored(store, [...tokens.slice(0, common), 1, 2, 3]).tokens).toEqual(tokens.slice(0, common));
  });

  test("a shorter timeline gets no more than it has", () => {
    const { store, tokens } = stored(70);
    expect(restored(store, tokens.slice(0, 40)).tokens).toEqual(tokens.slice(0, 40));
  });

  test.each<[string, string, number]>([
    [
      "one damaged byte in a later part",
      "UPDATE pages SET bytes = zeroblob(length(bytes)) WHERE page = 1 AND part = 2",
      32,
    ],
    ["a missing part", "DELETE FROM pages WHERE page = 1 AND part = 1", 32],
    ["a missing first part", "DELETE FROM pages WHERE page = 1 AND part = 0", 32],
    ["another checksum", "UPDATE pages SET checksum = checksum + 1 WHERE page = 0 AND part = 0", 0],
    ["pages that changed places", "UPDATE pages SET page = CASE page WHEN 1 THEN 12 WHEN 2 THEN 11 ELSE page END", 32],
  ])("%s: everything from there on is given up, and stored again when it was recomputed", (_, damage, left) => {
    const { store, tokens, pages } = stored(96);
    memorized.database().exec(damage);
    const cache = restored(store, tokens);
    expect(cache.tokens).toEqual(tokens.slice(0, left));
    fill(cache, tokens.slice(left));
    expect(store.save(cache, PACK)).toBeGreaterThan(0);
    cache.release();
    const again = restored(store, tokens);
    expect(again.tokens).toEqual(tokens);
    for (const [page, bytes] of pages.entries()) expect(Buffer.compare(again.page(page), bytes)).toBe(0);
  });

  test("of a bounded cache the first page and the newest are stored, and come back in one batch", () => {
    const store = new PageStore(storage);
    const tokens = timeline(320);
    const cache = new KvCache(pool, 5);
    for (let at = 0; at < 320; at += 32) fill(cache, tokens.slice(at, at + 32));
    const held = [0, 6, 7, 8, 9];
    for (const page of held) cache.page(page)[1] = page;
    expect(store.save(cache, PACK)).toBe(5);
    cache.release();
    const reads = vi.spyOn(storage.sql, "exec");
    const restore = (wanted: readonly number[]) => {
      const bounded = new KvCache(pool, 5);
      reads.mockClear();
      expect(store.restore(bounded, wanted, PACK)).toBe(bounded.tokens.length);
      return bounded;
    };
    const whole = restore([...tokens, 1]);
    // Whether the table is there, which pages it has, and all that are wanted.
    expect(reads).toHaveBeenCalledTimes(3);
    expect(whole.tokens).toEqual(tokens);
    expect(whole.slots).toBe(5 * 32);
    expect(held.map((page) => whole.page(page)[1])).toEqual(held);
    whole.release();
    // A timeline that leaves it has less behind it, and too little is nothing but the first page.
    const early = restore([...tokens.slice(0, 256), 1]);
    expect([early.tokens.length, early.slots]).toEqual([256, 96]);
    early.release();
    expect(restore([...tokens.slice(0, 224), 1]).tokens.length).toBe(32);
  });

  test("a bounded cache that went on writes what came and deletes what it let go", () => {
    const store = new PageStore(storage);
    const cache = new KvCache(pool, 5);
    const read = (page: number) => fill(cache, timeline(32, 32 * page));
    for (let page = 0; page < 8; page++) read(page);
    expect(store.save(cache, PACK)).toBe(5);
    read(8);
    expect(store.save(cache, PACK)).toBe(1);
    expect(rows("SELECT page FROM pages WHERE part = 0 ORDER BY page").map(({ page }) => page)).toEqual([
      0, 5, 6, 7, 8,
    ]);
  });

  test("another pack's pages are nobody's, and go when the next are written", () => {
    const { store, tokens } = stored(40);
    expect(restored(store, tokens, "another-pack").tokens).toEqual([]);
    const cache = new KvCache(pool);
    fill(cache, timeline(40));
    store.save(cache, "another-pack");
    expect(rows("SELECT DISTINCT pack FROM pages")).toHaveLength(1);
    expect(restored(store, timeline(40), "another-pack").tokens).toEqual(timeline(32));
  });

  test("only what changed is written: nothing, a page that became whole, everything after a change", () => {
    const { store } = stored(70);
    const cache = restored(store, timeline(70));
    fill(cache, timeline(6, 64));
    expect(store.save(cache, PACK)).toBe(0);
    fill(cache, timeline(30, 70));
    expect(store.save(cache, PACK)).toBe(1);
    cache.cut(40);
    fill(cache, timeline(60, 500));
    expect(store.save(cache, PACK)).toBe(2);
    expect(restored(store, cache.tokens.slice()).tokens).toEqual(cache.tokens.slice(0, 96));
    // A shorter timeline gives up what it has no more.
    cache.cut(70);
    expect(store.save(cache, PACK)).toBe(0);
    expect(rows("SELECT count(DISTINCT page) AS n FROM pages")[0]?.n).toBe(2);
  });

  test("a cache without tokens leaves the pages alone", () => {
    const { store, tokens } = stored(70);
    expect(store.save(new KvCache(pool), PACK)).toBe(0);
    expect(restored(store, tokens).tokens).toEqual(tokens.slice(0, 64));
  });

  test("a failed write leaves what was there", () => {
    const { store, tokens } = stored(70);
    const cache = restored(store, tokens.slice(0, 10));
    fill(cache, timeline(60, 900));
    cache.page = () => {
      throw new Error("no memory");
    };
    expect(() => store.save(cache, PACK)).toThrow("no memory");
    expect(restored(store, tokens).tokens).toEqual(tokens.slice(0, 64));
  });

  test("after everything was deleted the store can be used again", async () => {
    const { store, tokens } = stored(40);
    await storage.deleteAll();
    expect(restored(store, tokens).tokens).toEqual([]);
  });
});

describe("the timeline in SQLite", () => {
  test("is of any ids, or none, and there is no table of pages for it", () => {
    const store = new TimelineStore(storage);
    expect(store.read()).toEqual([]);
    store.save([0, 1, 0xffffffff]);
    expect(new TimelineStore(storage).read()).toEqual([0, 1, 0xffffffff]);
    expect(rows("SELECT name FROM sqlite_master")).toEqual([{ name: "timeline" }]);
  });

  test("that was cut short is as long as it can be read", () => {
    const store = new TimelineStore(storage);
    store.save(timeline(40));
    memorized.database().exec("UPDATE timeline SET tokens = substr(tokens, 1, 15)");
    expect(store.read()).toEqual(timeline(3));
  });

  test("can be used again after everything was deleted", async () => {
    const store = new TimelineStore(storage);
    store.save([1, 2]);
    await storage.deleteAll();
    expect(store.read()).toEqual([]);
    store.save([3]);
    expect(store.read()).toEqual([3]);
  });
});
