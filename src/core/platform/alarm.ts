/**
 * Waits to a fraction of a millisecond without burning a core. Timers of Node count whole milliseconds and come up to
 * one late, which is a tenth of a target pass on a fast GPU. A thread that sleeps on a futex is woken some hundredths
 * late.
 */
import { Worker } from "node:worker_threads";
import { runningModule } from "./places.ts";

/** Milliseconds of a clock that all threads of the process share. */
export const steadyMs = (): number => Number(process.hrtime.bigint()) / 1e6;

export class Alarm {
  /** Orders so far, and a cell that is never written. Behind both lies the time that is waited for. */
  readonly #orders: Int32Array;
  readonly #until: Float64Array;
  readonly #thread: Worker;
  #ring: () => void = () => {};

  constructor() {
    const shared = new SharedArrayBuffer(16);
    this.#orders = new Int32Array(shared, 0, 2);
    this.#until = new Float64Array(shared, 8, 1);
    this.#thread = new Worker(runningModule("core/platform/alarm-worker"), { workerData: shared, execArgv: [] });
    this.#thread.on("message", () => this.#ring());
    this.#thread.unref();
  }

  /** Resolves at `ms` of `steadyMs`, or as soon as that is past. One wait at a time. */
  async at(ms: number): Promise<void> {
    if (ms <= steadyMs()) return;
    this.#thread.ref();
    await new Promise<void>((ring) => {
      this.#ring = ring;
      this.#until[0] = ms;
      Atomics.add(this.#orders, 0, 1);
      Atomics.notify(this.#orders, 0);
    });
    this.#thread.unref();
  }

  async close(): Promise<void> {
    await this.#thread.terminate();
  }
}
