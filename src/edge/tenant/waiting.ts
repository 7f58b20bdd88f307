/**
 * Requests that wait, in the order in which they came. One whose client leaves gives its place up at once. One request
 * may let in another: workerd goes on with each in its own context.
 */
import { OutriderError } from "../../core/model/errors.ts";

/** @template T what a request is handed when it is let in */
export class Waiting<T> {
  readonly #requests = new Set<(given: T) => void>();

  get size(): number {
    return this.#requests.size;
  }

  /** Resolves when it is let in. Rejects with a 499 once `left` says that the client has gone. */
  wait(left?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#requests.delete(enter);
        reject(clientLeft());
      };
      const enter = (given: T) => {
        left?.removeEventListener("abort", leave);
        resolve(given);
      };
      this.#requests.add(enter);
      left?.addEventListener("abort", leave, { once: true });
    });
  }

  /** Lets the first one in; there must be one. */
  next(given: T): void {
    const [first] = this.#requests;
    this.#requests.delete(first!);
    first!(given);
  }
}

export const clientLeft = () => new OutriderError("closed", "the client left while waiting", { status: 499 });
