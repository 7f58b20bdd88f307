/**
 * One line of JSON in the log for each answer and each refusal of a Session, and one data point for Workers Analytics
 * Engine where it is bound. Numbers and names only: nothing of what was asked or answered, no key, no address of a
 * client.
 */
import { OutriderError } from "../../core/model/errors.ts";
import type { Outcome } from "../api/outcome.ts";
import type { SessionPlace } from "../api/placement-schema.ts";
import type { Env } from "../env.ts";
import { traceId, traceOf } from "../origins/trace.ts";
import type { TurnRequest } from "./turn-request.ts";

/** What the line says beside the outcome. */
export interface Circumstance {
  /** Name of the origin that answered, if one did. */
  readonly origin: string | null;
  readonly place: SessionPlace;
}

type TurnNames = Pick<TurnRequest, "requestId" | "key" | "session" | "traceparent">;

type Settings = Pick<Env, "ANSWERS">;

export class AnswerLine {
  /** What the Session sends on to the origin. */
  readonly traceparent: string;
  readonly #request: string;
  readonly #key: string | null;
  readonly #session: string;
  readonly #startedAt: number;
  readonly #env: Settings;
  #written = false;

  constructor({ requestId, key, session, traceparent }: TurnNames, startedAt: number, env: Settings) {
    this.#request = requestId;
    this.#key = key;
    this.#session = session.slice(0, 8);
    this.traceparent = traceOf(traceparent, requestId);
    this.#startedAt = startedAt;
    this.#env = env;
  }

  /** The answer came to its end. */
  ended({ finish, timings, account }: Outcome, circumstance: Circumstance): void {
    const { draft, patience_ms, measured } = account;
    this.#write(finish, { ...circumstance, ...timings, draft, patience_ms, ...measured });
  }

  /** The client left before the end. */
  left(predicted_n: number, circumstance: Circumstance): void {
    this.#write("closed", { ...circumstance, predicted_n, status: 499 });
  }

  /** No answer was begun, or it was broken off. */
  failed(error: unknown, predicted_n: number, circumstance: Circumstance | null): void {
    const { code, status } = error instanceof OutriderError ? error : { code: "internal_error", status: 500 };
    this.#write(code, { ...circumstance, predicted_n, status });
  }

  #write(finish: string, facts: Partial<Circumstance> & Readonly<Record<string, unknown>>): void {
    // A failure that was told already is not told again by whoever passes it on.
    if (this.#written) return;
    this.#written = true;
    const { place, origin, ...rest } = facts;
    const line = {
      event: "answer",
      request: this.#request,
      trace: traceId(this.traceparent),
      key: this.#key,
      session: this.#session,
      finish,
      ms: Date.now() - this.#startedAt,
      origin: origin ?? null,
      region: place?.region ?? null,
      round_trip_ms: place?.round_trip_ms,
      ...rest,
    };
    console.log(JSON.stringify(line));
    const number = (name: string) => Number((rest as Record<string, unknown>)[name] ?? 0);
    this.#env.ANSWERS?.writeDataPoint({
      indexes: [this.#key ?? "open"],
      blobs: [finish, line.origin ?? "", line.region ?? "", String(rest.draft ?? "")],
      doubles: [line.ms, ...DOUBLES.map(number)],
    });
  }
}

/**
 * What `double2` and those after it are; `double1` is the time from request to end, ms. docs/reference/edge.md has the list.
 */
export const DOUBLES = [
  "prompt_ms",
  "predicted_ms",
  "cache_n",
  "prompt_n",
  "predicted_n",
  "target_passes",
  "draft_n",
  "draft_n_judged",
  "draft_n_accepted",
  "draft_n_thrown",
  "status",
] as const;
