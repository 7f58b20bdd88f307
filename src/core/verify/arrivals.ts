/** What arrives for one reader, in order, and the error that ends it. */
export class Arrivals<T> {
  readonly #arrived: T[] = [];
  #failure: Error | undefined;
  #waiting: { resolve(value: T): void; reject(error: Error): void } | undefined;

  /** Whether `next` would resolve at once. */
  get ready(): boolean {
    return this.#arrived.length > 0;
  }

  /** Resolves with the next value. Rejects with the error of `end` once all that arrived before it is read. */
  next(): Promise<T> {
    if (this.#arrived.length > 0) return Promise.resolve(this.#arrived.shift() as T);
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  add(value: T): void {
    if (this.#waiting) this.#waiting.resolve(value);
    else this.#arrived.push(value);
    this.#waiting = undefined;
  }

  /** Nothing arrives any more. */
  end(failure: Error): void {
    this.#failure = failure;
    this.#waiting?.reject(failure);
    this.#waiting = undefined;
  }
}
