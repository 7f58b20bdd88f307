/**
 * The way to the origin: a WebSocket through the service binding to the embedded origin, or over the network to a URL.
 * Of several origins a turn asks the nearest, and another where that one refuses or dies.
 */
import { OutriderError } from "../../core/model/errors.ts";
import type { Way } from "../../core/verify/client.ts";
import { INTERNAL } from "../../core/verify/failures.ts";
import type { Breakers, Failure } from "./breaker.ts";
import type { Origin } from "./origins.ts";

/** How long an origin may take to let a Session in, in ms: while another could be asked, and alone. */
const DIAL_MS = { others: 3000, alone: 10_000 } as const;

/** What became of an answer whose origin was lost in the middle of it. */
interface Interruption {
  /** Sockets that were lost behind the first token. */
  readonly times: number;
  /** How long no token came, together, in ms. */
  readonly pauseMs: number;
  /** Origins that decided tokens of it. */
  readonly origins: number;
}

/** The origins of one turn. */
export class Route implements Way {
  readonly #origins: Origin[];
  readonly #breakers: Breakers;
  readonly #now: () => number;
  #asked: Origin | null = null;
  /** Those that will never answer this: another model, another version. */
  readonly #refused = new Set<Origin>();
  readonly #decided = new Set<Origin>();
  /**
   * The origin that failed in a way that it did not foresee. It may be the request that makes it fail, so others are
   * warned of it only once another origin answers the same.
   */
  #faulty: Origin | null = null;
  #times = 0;
  #pauseMs = 0;
  /** When the answer was interrupted; null while it goes on, and before it has begun. */
  #lostAt: number | null = null;

  /**
   * @param origins in the order in which they are to be asked
   * @param now milliseconds
   */
  constructor(origins: readonly Origin[], breakers: Breakers, now: () => number) {
    this.#origins = [...origins];
    this.#breakers = breakers;
    this.#now = now;
  }

  /** The origin that answers, once one does. */
  get asked(): Origin | null {
    return this.#asked;
  }

  /** Null where the answer was not interrupted. */
  get interrupted(): Interruption | null {
    if (this.#times === 0) return null;
    return { times: this.#times, pauseMs: this.#pauseMs, origins: this.#decided.size };
  }

  /**
   * One socket, not yet accepted, to the first origin that lets this Session in. Called again, after that socket was
   * lost, it tries the others before that one. Those that failed lately come last. Rejects with `origin_missing` or
   * `origin_unreachable` (503, retryable), or with what the origin itself answered to the upgrade.
   */
  async connect(): Promise<WebSocket> {
    if (this.#asked) this.#last(this.#asked);
    let failure: OutriderError | null = null;
    for (const origin of this.#inTurn()) {
      try {
        const socket = await inTime(origin, this.#origins.length > 1 ? DIAL_MS.others : DIAL_MS.alone);
        this.#asked = origin;
        return socket;
      } catch (error) {
        this.#last(origin);
        this.#breakers.failed(origin.name, failureOf(error));
        // One that may let us in a moment later is worth another try, whatever the others say.
        if (!failure?.retryable) failure = error as OutriderError;
      }
    }
    throw failure ?? missing();
  }

  /** The origin that was asked has decided tokens. */
  decided(): void {
    if (!this.#asked) return;
    this.#breakers.worked(this.#asked.name);
    if (this.#faulty && this.#faulty !== this.#asked) this.#breakers.failed(this.#faulty.name, "soft");
    this.#faulty = null;
    this.#decided.add(this.#asked);
    if (this.#lostAt !== null) this.#pauseMs += this.#now() - this.#lostAt;
    this.#lostAt = null;
  }

  /** The origin that was asked failed. Returns whether another may do better. */
  failed(error: OutriderError): boolean {
    if (!this.#asked) return false;
    if (error.code === INTERNAL) this.#faulty ??= this.#asked;
    else if (!isOfRequest(error)) {
      this.#breakers.failed(this.#asked.name, failureOf(error));
      if (!error.retryable) this.#refused.add(this.#asked);
    }
    if (this.#decided.size > 0) {
      this.#times++;
      this.#lostAt ??= this.#now();
    }
    return !isOfRequest(error) && this.#origins.some((origin) => !this.#refused.has(origin));
  }

  /** Those that are worth asking, each looked at when its turn comes; then the others. */
  *#inTurn(): Generator<Origin> {
    const postponed: Origin[] = [];
    // The order changes on the way.
    for (const origin of [...this.#origins]) {
      if (!this.#refused.has(origin) && this.#breakers.admits(origin.name)) yield origin;
      else postponed.push(origin);
    }
    yield* postponed;
  }

  #last(origin: Origin): void {
    this.#origins.splice(this.#origins.indexOf(origin), 1);
    this.#origins.push(origin);
  }
}

/** Errors that any origin would answer with, since they are about the request; and a Session that was taken over. */
const isOfRequest = ({ status }: OutriderError): boolean => status === 400 || status === 409 || status === 499;

/** An origin that is full, and a socket that breaks, say little about the next answer. */
function failureOf(error: unknown): Failure {
  if (!(error instanceof OutriderError)) return "hard";
  const soft = ["origin_busy", "overloaded", "kv_full", "bad_verdict", "bad_frame", "origin_lost"];
  return soft.includes(error.code) ? "soft" : "hard";
}

async function opened(origin: Origin, signal: AbortSignal): Promise<WebSocket> {
  let response: Response;
  try {
    response = await origin.fetch("/v1/verify", { headers: { upgrade: "websocket" }, signal });
  } catch (cause) {
    throw unreachable("it does not answer", true, cause);
  }
  return response.webSocket ?? Promise.reject(await refused(response));
}

async function inTime(origin: Origin, ms: number): Promise<WebSocket> {
  const abort = new AbortController();
  const opening = opened(origin, abort.signal);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let late = false;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      late = true;
      // Else the connection stays open as long as the origin says nothing.
      abort.abort();
      reject(unreachable(`it did not answer within ${ms} ms`, true, null));
    }, ms);
  });
  opening.then(
    (socket) => {
      if (!late) return;
      socket.accept();
      socket.close(1000);
    },
    () => {},
  );
  try {
    return await Promise.race([opening, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

const missing = () =>
  new OutriderError("origin_missing", "no origin is configured; set ORIGIN_URL or bind ORIGIN", { status: 503 });

const unreachable = (why: string, retryable: boolean, cause: unknown) =>
  new OutriderError("origin_unreachable", `the origin cannot be reached: ${why}`, { status: 503, retryable, cause });

/** The origin's busy answer is passed on; whatever else it says is the operator's business, and a 503 to clients. */
async function refused(response: Response): Promise<OutriderError> {
  const text = (await response.text()).slice(0, 500);
  if (response.status === 429) {
    return new OutriderError("origin_busy", "the origin is serving as many generations as it can; try again shortly", {
      status: 429,
      retryable: true,
    });
  }
  // A token that is wrong or a path that is not there will be so again in a second.
  const retryable = response.status >= 500;
  return unreachable(`it answered the upgrade with status ${response.status}`, retryable, new Error(text));
}
