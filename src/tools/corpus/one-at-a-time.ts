/** Gives each of a few things to one caller at a time, in the order in which they ask. */
export class OneAtATime<T> {
  readonly #free: T[];
  readonly #waiting: ((thing: T) => void)[] = [];

  constructor(things: readonly T[]) {
    this.#free = [...things];
  }

  async use<R>(work: (thing: T) => Promise<R>): Promise<R> {
    const free = this.#free.length > 0;
    const thing = free ? this.#free.pop()! : await new Promise<T>((resolve) => this.#waiting.push(resolve));
    try {
      return await work(thing);
    } finally {
      const next = this.#waiting.shift();
      if (next) next(thing);
      else this.#free.push(thing);
    }
  }
}
