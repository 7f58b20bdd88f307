/**
 * What the Worker asks a Session. Plain data: it crosses from the one to the other.
 */

import type { LlamaDialect } from "../api/llama/request.ts";
import type { MessagesDialect } from "../api/messages/request.ts";
import type { ResponsesDialect } from "../api/responses/request.ts";
import type { Visit } from "../place/placement.ts";
import type { Generation } from "../prompt/generation.ts";
import type { Reservation } from "../tenant/metering.ts";

/**
 * A door to an answer in another shape than OpenAI's completions: what its answer needs to know beside the
 * `Generation`.
 */
export type Dialect = ResponsesDialect | MessagesDialect | LlamaDialect;

/** The status of a Session that is busy, where the turn is not to wait. No answer has it. */
export const BUSY_STATUS = 204;

export interface TurnRequest {
  readonly generation: Generation;
  /** Null: the answer is a chat completion or a completion. */
  readonly dialect: Dialect | null;
  /** Names the Session to the origin. */
  readonly session: string;
  readonly requestId: string;
  /** Name of the caller's key; null where the API is open. */
  readonly key: string | null;
  /** Of a key with a meter. */
  readonly reservation: Reservation | null;
  /** The client's trace, if it has one. */
  readonly traceparent: string | null;
  readonly visit: Visit;
  /** A Session that is busy answers with `BUSY_STATUS`, instead of letting the turn wait. */
  readonly unlessBusy?: boolean;
  /** Nobody will ask this object again, so it stores nothing. */
  readonly once?: boolean;
  /** The storage has failed, so nothing is stored, and the answer says so. */
  readonly unstored?: boolean;
}
