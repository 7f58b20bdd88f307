/** One turn at a time: a Session's requests wait for each other in order, a bounded number of them. */
import { OutriderError } from "../../core/model/errors.ts";
import { clientLeft, Waiting } from "../tenant/waiting.ts";

export class Queue {
  readonly #most: number;
  readonly #waiting = new Waiting<void>();
  #busy = false;

  /** @param most requests that may wait behind the running one */
  constructor(most: number) {
    this.#most = most;
  }

  /** Whether a turn is under way, so that a new one would have to wait. */
  get busy(): boolean {
    return this.#busy;
  }

  /**
   * Resolves when it is this request's turn, with the function that ends it. Rejects with a 429 when too many wait, and
   * with a 499 once `left` says that the client has gone; its place is then free at once.
   */
  async enter(left?: AbortSignal): Promise<() => void> {
    if (left?.aborted) throw clientLeft();
    if (this.#busy) await this.#wait(left);
    this.#busy = true;
    let ended = false;
    return () => {
      if (!ended) this.#next();
      ended = true;
    };
  }

  #wait(left: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.size >= this.#most) {
      throw new OutriderError(
        "session_busy",
        `this session has an answer under way and ${this.#most} requests waiting, its limit; ` +
          `try again later or send another x-session-affinity`,
        { status: 429, retryable: true },
      );
    }
    return this.#waiting.wait(left);
  }

  /** Hands the turn on: between the end of one and the beginning of the next nobody else may enter. */
  #next(): void {
    if (this.#waiting.size === 0) this.#busy = false;
    else this.#waiting.next();
  }
}
