/**
 * The way to the origin: a WebSocket through the service binding to the embedded origin, or over the network to a URL.
 * Of several origins a turn asks the nearest, and another where that one refuses or dies.
 */
import { OutriderError } from "../model/errors.ts";
import type { Origin } from "./origins.ts";

/** While another origin could be asked, how long one may take to let a Session in. */
const DIAL_MS = 3000;

/** The origins of one turn. */
export class Route {
  readonly #origins: Origin[];
  readonly #lost: (origin: Origin) => void;
  #asked: Origin | null = null;

  /**
   * @param origins in the order in which they are to be asked
   * @param lost called with each that did not let the Session in
   */
  constructor(origins: readonly Origin[], lost: (origin: Origin) => void) {
    this.#origins = [...origins];
    this.#lost = lost;
  }

  /** The origin that answers, once one does. */
  get asked(): Origin | null {
    return this.#asked;
  }

  /**
   * One socket, not yet accepted, to the first origin that lets this Session in. Called again, after that socket was
   * lost, it tries the others before that one. Rejects with `origin_missing` or `origin_unreachable` (503, retryable),
   * or with what the origin itself answered to the upgrade.
   */
  async connect(): Promise<WebSocket> {
    if (this.#asked) this.#last(this.#asked);
    let failure: OutriderError | null = null;
    // The order changes on the way.
    for (const origin of [...this.#origins]) {
      try {
        const others = this.#origins.length > 1;
        const socket = await (others ? inTime(opened(origin)) : opened(origin));
        this.#asked = origin;
        return socket;
      } catch (error) {
        this.#last(origin);
        this.#lost(origin);
        // One that may let us in a moment later is worth another try, whatever the others say.
        if (!failure?.retryable) failure = error as OutriderError;
      }
    }
    throw failure ?? missing();
  }

  #last(origin: Origin): void {
    this.#origins.splice(this.#origins.indexOf(origin), 1);
    this.#origins.push(origin);
  }
}

async function opened(origin: Origin): Promise<WebSocket> {
  let response: Response;
  try {
    response = await origin.fetch("/v1/verify", { headers: { upgrade: "websocket" } });
  } catch (cause) {
    throw unreachable("it does not answer", true, cause);
  }
  return response.webSocket ?? Promise.reject(await refused(response));
}

async function inTime(opening: Promise<WebSocket>): Promise<WebSocket> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let late = false;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      late = true;
      reject(unreachable(`it did not answer within ${DIAL_MS} ms`, true, null));
    }, DIAL_MS);
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

const LOST: ReadonlySet<string> = new Set(["origin_missing", "origin_unreachable", "origin_timeout"]);

/** Whether an error means that there is no origin to ask, rather than one that refuses. */
export const originLost = (error: unknown): boolean => error instanceof OutriderError && LOST.has(error.code);
