/**
 * The draft's KV pages of a Session in SQLite, so that a turn after an eviction, a restart or a deploy restores instead
 * of prefilling. Stored are the whole pages that the cache holds, its first and its newest: what a conversation takes
 * is bounded as its fast memory is. Written once a turn, only what changed (keeping.ts says after which turns), and
 * read in one batch. A page that does not check is dropped and recomputed. When to call is drafter.ts's business; an
 * edge without a draft has no such table.
 *
 *   pages      page, part   32 tokens of the draft's KV state, cut into parts that fit a row
 *              pack         version of this format and id of the draft's pack: other packs' pages are worth nothing
 *              before       CRC-32 of all tokens before the page: it is valid behind these alone (in part 0)
 *              tokens       int32 ids of the page (in part 0)
 *              checksum     CRC-32 of pack, page, tokens and all bytes (in part 0)
 *              bytes        the page at rest, as `kernels/abi.ts` draws it
 */
import { crc32 } from "node:zlib";
import type { KvCache } from "../../core/draft/cache.ts";
import { PAGE_TOKENS } from "../../core/kernels/abi.ts";
import { commonPrefix } from "../../core/model/common-prefix.ts";
import { blob, ids, Table } from "./table.ts";

const PAGE_VERSION = 4;
/** A row may hold 2 MB in production; local workerd does not enforce it. */
export const ROW_BYTES = 1_900_000;

type StoredPage = { page: number; before: number; tokens: ArrayBuffer };
type PageRow = { page: number; part: number; tokens: ArrayBuffer; checksum: number; bytes: ArrayBuffer };

export class PageStore {
  readonly #table: Table;

  constructor(storage: DurableObjectStorage | null) {
    // Without rowids: a second index would make each page two rows written.
    const columns = `(page INTEGER, part INTEGER, pack TEXT NOT NULL, before INTEGER, tokens BLOB, checksum INTEGER,
      bytes BLOB NOT NULL, PRIMARY KEY (page, part)) WITHOUT ROWID`;
    this.#table = new Table(storage, "pages", columns);
  }

  /**
   * Fills an empty cache with the stored pages that `timeline` begins with. Returns the tokens restored. The first page
   * that is corrupt is deleted together with all after it.
   */
  restore(cache: KvCache, timeline: readonly number[], pack: string): number {
    this.#table.read((sql) => {
      while (!restoreOnce(sql, cache, timeline, packKey(pack)));
    });
    return cache.tokens.length;
  }

  /**
   * Stores the whole pages that a cache holds, as far as they differ from what is stored, and deletes the others, in
   * one transaction. Returns the pages written.
   */
  save(cache: KvCache, pack: string): number {
    // A cache that was not used, or lost its pages to another Session, has nothing to say about what is stored.
    const pages = Math.floor(cache.tokens.length / PAGE_TOKENS);
    if (pages === 0) return 0;
    return this.#table.write((sql) => {
      const key = packKey(pack);
      sql.exec("DELETE FROM pages WHERE pack <> ?", key);
      const prefixes = new Prefixes(cache.tokens);
      const good = new Set<number>();
      for (const known of knownPages(sql, key)) {
        if (cache.holds(known.page) && prefixes.match(known) === PAGE_TOKENS) good.add(known.page);
        else sql.exec("DELETE FROM pages WHERE page = ?", known.page);
      }
      let written = 0;
      for (let page = 0; page < pages; page++) {
        if (good.has(page) || !cache.holds(page)) continue;
        insert(sql, { page, before: prefixes.before(page), tokens: blob(prefixes.tokens(page)).buffer }, cache, key);
        written++;
      }
      return written;
    });
  }

  /** Pages that are stored. */
  get count(): number {
    const count = (sql: SqlStorage) => sql.exec<{ n: number }>("SELECT count(*) AS n FROM pages WHERE part = 0").one();
    return this.#table.read(count)?.n ?? 0;
  }

  /** Deletes all that is stored. */
  clear(): void {
    this.#table.read((sql) => void sql.exec("DELETE FROM pages"));
  }
}

/** A timeline, page by page. */
class Prefixes {
  readonly #timeline: readonly number[];
  readonly #sums: number[] = [0];

  constructor(timeline: readonly number[]) {
    this.#timeline = timeline;
  }

  tokens(page: number): readonly number[] {
    return this.#timeline.slice(page * PAGE_TOKENS, (page + 1) * PAGE_TOKENS);
  }

  /** CRC-32 of all tokens before a page. */
  before(page: number): number {
    for (let next = this.#sums.length; next <= page; next++) {
      this.#sums.push(crc32(blob(this.tokens(next - 1)), this.#sums[next - 1]));
    }
    return this.#sums[page]!;
  }

  /** How many tokens of a stored page the timeline has at its place, all before it being the same. */
  match({ page, before, tokens }: StoredPage): number {
    const here = this.tokens(page);
    return here.length > 0 && before === this.before(page) ? commonPrefix(ids(tokens), here) : 0;
  }
}

const knownPages = (sql: SqlStorage, key: string): StoredPage[] =>
  sql
    .exec<StoredPage>("SELECT page, before, tokens FROM pages WHERE pack = ? AND part = 0 ORDER BY page", key)
    .toArray();

/** Restores what is stored. False where a page is corrupt: it is deleted with all after it, and the cache is empty. */
function restoreOnce(sql: SqlStorage, cache: KvCache, timeline: readonly number[], key: string): boolean {
  const prefixes = new Prefixes(timeline);
  const matches = new Map(knownPages(sql, key).map((known) => [known.page, prefixes.match(known)] as const));
  const { first, end } = restorable(matches, cache.most);
  if (end === 0) return true;
  const rows = sql.exec<PageRow>(
    "SELECT page, part, tokens, checksum, bytes FROM pages WHERE pack = ? AND (page = 0 OR page >= ?) AND page < ? " +
      "ORDER BY page, part",
    key,
    first,
    end,
  );
  const corrupt = (page: number): boolean => {
    cache.release();
    sql.exec("DELETE FROM pages WHERE page >= ?", page);
    return false;
  };
  let expected = 0;
  for (const parts of byPage(rows)) {
    const [{ page, part, tokens, checksum: sum }] = parts;
    const bytes = join(parts.map((row) => row.bytes));
    if (page !== expected || part !== 0 || sum !== checksum(key, page, tokens, bytes)) return corrupt(expected);
    if (page === first && first > 1) cache.skip(timeline.slice(PAGE_TOKENS, first * PAGE_TOKENS));
    cache.importPage(prefixes.tokens(page).slice(0, matches.get(page)), bytes);
    expected = page === 0 ? first : page + 1;
  }
  return expected === end || corrupt(expected);
}

/**
 * The pages to restore, beside the first one: the longest run that ends as late as possible. Where it does not follow
 * the first page at once, it must be half of what the cache may hold. `end` 0: none, not even the first page.
 */
function restorable(matches: ReadonlyMap<number, number>, most: number): { first: number; end: number } {
  const whole = (page: number) => matches.get(page) === PAGE_TOKENS;
  const matching = [...matches.keys()].filter((page) => matches.get(page)! > 0).reverse();
  for (const last of matching) {
    let first = last;
    while (first > 1 && whole(first - 1) && last - first + 2 < most) first--;
    const enough = first <= 1 || last - first + 2 >= most / 2;
    if (last === 0 || (whole(0) && enough)) return { first: Math.max(1, first), end: last + 1 };
  }
  return { first: 1, end: 0 };
}

type PageParts = readonly [PageRow, ...PageRow[]];

/** Rows that belong to one page. */
function* byPage(rows: Iterable<PageRow>): Generator<PageParts> {
  let page: [PageRow, ...PageRow[]] | undefined;
  for (const row of rows) {
    if (page && page[0].page === row.page) {
      page.push(row);
      continue;
    }
    if (page) yield page;
    page = [row];
  }
  if (page) yield page;
}

function insert(sql: SqlStorage, { page, before, tokens }: StoredPage, cache: KvCache, key: string): void {
  const bytes = cache.page(page);
  const sum = checksum(key, page, tokens, bytes);
  for (let part = 0, at = 0; at < bytes.length; part++, at += ROW_BYTES) {
    const first = part === 0;
    sql.exec(
      "INSERT OR REPLACE INTO pages (page, part, pack, before, tokens, checksum, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)",
      page,
      part,
      key,
      first ? before : null,
      first ? tokens : null,
      first ? sum : null,
      // A view: SQLite copies while it binds, and a copy of ours would be garbage of a whole timeline's size each turn.
      bytes.subarray(at, at + ROW_BYTES),
    );
  }
}

const packKey = (pack: string): string => `${PAGE_VERSION}:${pack}`;

const checksum = (key: string, page: number, tokens: ArrayBuffer, bytes: Uint8Array): number =>
  crc32(bytes, crc32(new Uint8Array(tokens), crc32(`${key}:${page}`)));

function join(parts: readonly ArrayBuffer[]): Uint8Array {
  if (parts.length === 1) return new Uint8Array(parts[0] as ArrayBuffer);
  const whole = new Uint8Array(parts.reduce((bytes, part) => bytes + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(new Uint8Array(part), at);
    at += part.byteLength;
  }
  return whole;
}
