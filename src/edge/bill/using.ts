/** What the answers of a conversation use of Cloudflare, from what was counted of them. */
import type { Usage } from "./prices.ts";

/** What is billed for an object while it runs, GB. */
const OBJECT_GB = 0.128;
/** Incoming messages of a socket that are billed as one request. */
const MESSAGES_A_REQUEST = 20;
const HOURS_A_MONTH = 730;

/** What the answers of a conversation took, together. */
interface AnswerWork {
  /** From each request to the last token of its answer, s. */
  readonly seconds: number;
  /** Verdicts that came from the origin: its passes. */
  readonly passes: number;
  /** CPU time of the drafter and of all else, ms. */
  readonly cpuMs: number;
  readonly stored: Storage;
  /** How long it is stored, h. */
  readonly hours: number;
}

/**
 * A verdict is counted as a message that comes in, although Cloudflare does not say whether messages on a socket that
 * the object has opened itself are billed. CPU is counted although the price list of Durable Objects has none. Either
 * errs on the dear side.
 */
export function usageOf({ seconds, passes, cpuMs, stored, hours }: AnswerWork): Usage {
  const alarm = 1;
  return {
    objectTime: seconds * OBJECT_GB,
    cpu: cpuMs,
    rowsWritten: rowsWritten(stored),
    storage: (storedBytes(stored) / 1e9) * (hours / HOURS_A_MONTH),
    objectRequests: stored.turns + alarm + passes / MESSAGES_A_REQUEST,
    workerRequests: stored.turns,
  };
}

/** CPU of the edge, ms. */
interface Rates {
  /** A draft step. */
  readonly stepMs: number;
  /** A token that the draft reads. */
  readonly readMs: number;
}

/** A token that is read costs about half of one that is drafted: several share the weights that a pass streams. */
const READ_SHARE = 0.5;

export const ratesOf = (stepMs: number): Rates => ({ stepMs, readMs: READ_SHARE * stepMs });

/**
 * CPU of everything but the draft, in ms: a new Session, request, template and account, then text and SSE of each
 * token. Measured as the CPU of all of workerd on a busy machine: upper bounds. Together they are a hundredth of what
 * the draft takes.
 */
const ANSWER_MS = 15;
const TOKEN_MS = 0.1;

/** @param tokens of the answers, @param answers how many */
export function cpuOf(steps: number, read: number, tokens: number, answers: number, rates: Rates): number {
  return steps * rates.stepMs + read * rates.readMs + tokens * TOKEN_MS + answers * ANSWER_MS;
}

/** What turns of a conversation store in their Session's SQLite. `test/workerd/storage.test.ts` counts it in workerd. */
export interface Storage {
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
export function rowsWritten({ first, turns, pages }: Storage): number {
  const begun = first ? TABLE + ONCE + (pages > 0 ? TABLE : 0) : 0;
  return begun + EACH * turns + PAGE * pages;
}

/** SQLite's own page: the schema and each table begin with one, two of which are the runtime's. */
const SQLITE_PAGE = 4096;
/** What of it holds a part of a long value, behind the number of the next. */
const OVERFLOW = SQLITE_PAGE - 4;

/** Bytes of the database. */
export function storedBytes({ first, tokens, pages, pageBytes }: Storage): number {
  const long = (bytes: number) => (bytes < SQLITE_PAGE ? 0 : Math.ceil(bytes / OVERFLOW) * SQLITE_PAGE);
  const begun = first ? (3 + (pages > 0 ? 1 : 0)) * SQLITE_PAGE : 0;
  return begun + long(4 * tokens) + pages * long(pageBytes);
}
