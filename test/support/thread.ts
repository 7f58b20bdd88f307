/** A thread as what compiles forms sees it: the other work of a test's, and a clock. */
export const THREAD = {
  pause: (): Promise<void> => new Promise((resolve) => setImmediate(resolve)),
  now: (): number => performance.now(),
};
