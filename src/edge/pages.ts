/**
 * The draft's KV pages of a Session in SQLite, so that a turn after an eviction, a restart or a deploy restores instead
 * of prefilling. Written once a turn, whole pages only, and of these what changed (keeping.ts says after which turns). A
 * page that does not check is dropped and recomputed. When to
 * call is drafter.ts's business; an edge without a draft has no such table.
 *
 *   pages      page, part   32 tokens of the draft's KV state, cut into parts that fit a row
 *              pack         version of this format and id of the draft's pack: other packs' pages are worth nothing
 *              tokens       int32 ids of the page; a page is valid only after all pages before it (in part 0)
 *              checksum     CRC-32 of pack, page, tokens and all bytes (in part 0)
 *              bytes        the page at rest, as `kernels/abi.ts` draws it
 */
import { crc32 } from "node:zlib";
import type { KvCache } from "../draft/cache.ts";
import { PAGE_TOKENS } from "../kernels/abi.ts";
import { commonPrefix } from "../model/common-prefix.ts";
import { blob, ids } from "./ids.ts";
import { Table } from "./table.ts";

const PAGE_VERSION = 3;
/** A row may hold 2 MB in production; local workerd does not enforce it. */
export const ROW_BYTES = 1_900_000;

type PageRow = { page: number; part: number; tokens: ArrayBuffer; checksum: number; bytes: ArrayBuffer };

export class PageStore {
  readonly #table: Table;

  constructor(storage: DurableObjectStorage) {
    // Without rowids: a second index would make each page two rows written.
    const columns = `(page INTEGER, part INTEGER, pack TEXT NOT NULL, tokens BLOB, checksum INTEGER,
      bytes BLOB NOT NULL, PRIMARY KEY (page, part)) WITHOUT ROWID`;
    this.#table = new Table(storage, "pages", columns);
  }

  /**
   * Fills an empty cache with the stored pages that `timeline` begins with. Returns the tokens restored. The first page
   * that is corrupt is deleted together with all after it.
   */
  restore(cache: KvCache, timeline: readonly number[], pack: string): number {
    this.#table.read((sql) => this.#restore(sql, cache, timeline, pack));
    return cache.tokens.length;
  }

  #restore(sql: SqlStorage, cache: KvCache, timeline: readonly number[], pack: string): void {
    let page: PageRow[] = [];
    const settle = (): boolean => {
      const [first] = page;
      if (!first) return true;
      const at = first.page * PAGE_TOKENS;
      const bytes = join(page.map((part) => part.bytes));
      const sound = first.part === 0 && first.checksum === checksum(pack, first.page, first.tokens, bytes);
      if (at !== cache.tokens.length || !sound) {
        sql.exec("DELETE FROM pages WHERE page >= ?", first.page);
        return false;
      }
      const stored = ids(first.tokens);
      const common = commonPrefix(stored, timeline.slice(at, at + PAGE_TOKENS));
      if (common > 0) cache.importPage(stored.slice(0, common), bytes);
      return common === PAGE_TOKENS;
    };
    const rows = sql.exec<PageRow>(
      "SELECT page, part, tokens, checksum, bytes FROM pages WHERE pack = ? ORDER BY page, part",
      packKey(pack),
    );
    for (const row of rows) {
      if (row.page !== page[0]?.page) {
        if (!settle()) return;
        page = [];
      }
      page.push(row);
    }
    settle();
  }

  /** Stores the whole pages of a cache that differ from what is stored, in one transaction. Returns the pages written. */
  save(cache: KvCache, pack: string): number {
    // A cache that was not used, or lost its pages to another Session, has nothing to say about what is stored.
    const pages = Math.floor(cache.tokens.length / PAGE_TOKENS);
    if (pages === 0) return 0;
    return this.#table.write((sql) => {
      sql.exec("DELETE FROM pages WHERE pack <> ?", packKey(pack));
      const stored = sql
        .exec<{ tokens: ArrayBuffer }>("SELECT tokens FROM pages WHERE part = 0 ORDER BY page")
        .toArray()
        .map((row) => ids(row.tokens));
      const tokensOf = (page: number) => cache.tokens.slice(page * PAGE_TOKENS, (page + 1) * PAGE_TOKENS);
      let page = 0;
      while (page < pages && page < stored.length && same(stored[page] as number[], tokensOf(page))) page++;
      if (page === pages && stored.length === pages) return 0;
      // Keys and values depend on every token before: from the first difference on, nothing stored is valid.
      sql.exec("DELETE FROM pages WHERE page >= ?", page);
      const written = pages - page;
      for (; page < pages; page++) insert(sql, page, tokensOf(page), cache.page(page), pack);
      return written;
    });
  }

  /** Deletes all that is stored. */
  clear(): void {
    this.#table.read((sql) => void sql.exec("DELETE FROM pages"));
  }
}

function insert(sql: SqlStorage, page: number, tokens: readonly number[], bytes: Uint8Array, pack: string): void {
  const idBlob = blob(tokens);
  const sum = checksum(pack, page, idBlob.buffer, bytes);
  for (let part = 0, at = 0; at < bytes.length; part++, at += ROW_BYTES) {
    sql.exec(
      "INSERT INTO pages (page, part, pack, tokens, checksum, bytes) VALUES (?, ?, ?, ?, ?, ?)",
      page,
      part,
      packKey(pack),
      part === 0 ? idBlob : null,
      part === 0 ? sum : null,
      // A view: SQLite copies while it binds, and a copy of ours would be garbage of a whole timeline's size each turn.
      bytes.subarray(at, at + ROW_BYTES),
    );
  }
}

const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && commonPrefix(a, b) === a.length;

const packKey = (pack: string): string => `${PAGE_VERSION}:${pack}`;

const checksum = (pack: string, page: number, tokens: ArrayBuffer, bytes: Uint8Array): number =>
  crc32(bytes, crc32(new Uint8Array(tokens), crc32(`${packKey(pack)}:${page}`)));

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
