/**
 * Work that may take long, as a generator that yields now and then. Whoever shares its thread with others does a slice
 * at a time; everybody else does all of it at once.
 */
export type Sliced<T> = Generator<void, T, void>;

/** What the work returns, without a break. */
export function finished<T>(work: Sliced<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}
