/** One turn at a time: a Session's requests wait for each other in order, a bounded number of them. */
import { OutriderError } from "../model/errors.ts";

export class Queue {
  readonly #most: number;
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();

  /** @param most requests that may wait behind the running one */
  constructor(most: number) {
    this.#most = most;
  }

  /** Resolves when it is this request's turn, with the function that ends it. Rejects with a 429 when too many wait. */
  async enter(): Promise<() => void> {
    if (this.#waiting > this.#most) {
      throw new OutriderError(
        "session_busy",
        `this session has an answer under way and ${this.#most} requests waiting, its limit; ` +
          `try again later or send another x-session-affinity`,
        { status: 429, retryable: true },
      );
    }
    this.#waiting++;
    const before = this.#last;
    let end = () => {};
    this.#last = new Promise((resolve) => {
      end = resolve;
    });
    await before;
    return () => {
      this.#waiting--;
      end();
    };
  }
}
