/** What the answers of a conversation use of Cloudflare, from what was counted of them. */
import type { Usage } from "./prices.ts";
import { rowsWritten, type Stored, storedBytes } from "./storing.ts";

/** What is billed for an object while it runs, GB. */
const OBJECT_GB = 0.128;
/** Incoming messages of a socket that are billed as one request. */
const MESSAGES_A_REQUEST = 20;
const HOURS_A_MONTH = 730;

/** What the answers of a conversation took, together. */
export interface Taken {
  /** From each request to the last token of its answer, s. */
  readonly seconds: number;
  /** Verdicts that came from the origin: its passes. */
  readonly passes: number;
  /** CPU time of the drafter and of all else, ms. */
  readonly cpuMs: number;
  readonly stored: Stored;
  /** How long it is stored, h. */
  readonly hours: number;
}

/**
 * A verdict is counted as a message that comes in, although Cloudflare does not say whether messages on a socket that
 * the object has opened itself are billed. CPU is counted although the price list of Durable Objects has none. Either
 * errs on the dear side.
 */
export function usageOf({ seconds, passes, cpuMs, stored, hours }: Taken): Usage {
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
export interface Rates {
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
 * token. Measured by `npm run bench edge-cpu` as the CPU of all of workerd, on a busy machine: upper bounds. Together
 * they are a hundredth of what the draft takes.
 */
const ANSWER_MS = 15;
const TOKEN_MS = 0.1;

/** @param tokens of the answers, @param answers how many */
export function cpuOf(steps: number, read: number, tokens: number, answers: number, rates: Rates): number {
  return steps * rates.stepMs + read * rates.readMs + tokens * TOKEN_MS + answers * ANSWER_MS;
}
