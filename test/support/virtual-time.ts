/**
 * Runs asynchronous code in a time of its own: timers fire in order, one after the other, and the clock jumps to each.
 * Whatever takes no timer takes no time. So code that waits for milliseconds is simulated exactly and fast, however busy
 * the machine is.
 */

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** @param work gets the virtual clock in ms; rejects if it waits for something that no timer will bring */
export async function virtually<T>(work: (now: () => number) => Promise<T>): Promise<T> {
  const real = { setTimeout, clearTimeout, setImmediate };
  const timers = new Set<Timer>();
  let clock = 0;
  let order = 0;
  const add = (run: (...given: unknown[]) => void, ms = 0, ...given: unknown[]) => {
    const timer = { at: clock + Math.max(0, ms), order: order++, run: () => run(...given) };
    timers.add(timer);
    return timer;
  };
  Object.assign(globalThis, {
    setTimeout: add,
    clearTimeout: (timer: Timer) => timers.delete(timer),
    setImmediate: (run: (...given: unknown[]) => void, ...given: unknown[]) => add(run, 0, ...given),
  });
  try {
    let over = false;
    const result = work(() => clock).finally(() => {
      over = true;
    });
    result.catch(() => {});
    for (;;) {
      // Lets everything run that waits for no timer.
      await new Promise<void>((resolve) => void real.setImmediate(resolve));
      if (over) return await result;
      const next = [...timers].reduce<Timer | null>(
        (first, timer) =>
          !first || timer.at < first.at || (timer.at === first.at && timer.order < first.order) ? timer : first,
        null,
      );
      if (!next) throw new Error("everything waits, and nothing will happen");
      timers.delete(next);
      clock = Math.max(clock, next.at);
      next.run();
    }
  } finally {
    Object.assign(globalThis, real);
  }
}
