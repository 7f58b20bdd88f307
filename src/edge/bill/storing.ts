/**
 * Rows and bytes that a conversation takes in its Session's SQLite (src/edge/store/table.ts and the stores on it).
 * `test/workerd/storage.test.ts` counts both in workerd.
 */

/** What turns of a conversation store. */
export interface Stored {
  /** Whether the conversation's first turn is among them. */
  readonly first: boolean;
  readonly turns: number;
  /** Tokens of prompts and answers. */
  readonly tokens: number;
  /** Whole KV pages of the draft that they add; 0 where none are kept. */
  readonly pages: number;
  /** Bytes of a page. */
  readonly pageBytes: number;
}

/** A table is a row of the schema, and SQLite counts its root as another. The timeline has one, pages have one. */
const TABLE = 2;
/** The timeline is deleted once. */
const ONCE = 1;
/** Each turn writes the timeline, and puts the end off, which is a row too. */
const EACH = 2;
/** A page is written once and deleted once. */
const PAGE = 2;

/** Rows written, deletion included: Cloudflare bills a row deleted as one written. */
export function rowsWritten({ first, turns, pages }: Stored): number {
  const begun = first ? TABLE + ONCE + (pages > 0 ? TABLE : 0) : 0;
  return begun + EACH * turns + PAGE * pages;
}

/** SQLite's own page: the schema and each table begin with one, two of which are the runtime's. */
const SQLITE_PAGE = 4096;
/** What of it holds a part of a long value, behind the number of the next. */
const OVERFLOW = SQLITE_PAGE - 4;

/** Bytes of the database. */
export function storedBytes({ first, tokens, pages, pageBytes }: Stored): number {
  const long = (bytes: number) => (bytes < SQLITE_PAGE ? 0 : Math.ceil(bytes / OVERFLOW) * SQLITE_PAGE);
  const begun = first ? (3 + (pages > 0 ? 1 : 0)) * SQLITE_PAGE : 0;
  return begun + long(4 * tokens) + pages * long(pageBytes);
}
