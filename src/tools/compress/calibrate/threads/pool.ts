/**
 * Threads over one memory. A task is cut into numbered parts. Each part writes what no other part writes, in an order
 * of its own. Therefore neither the number of threads nor which thread takes which part changes a bit of the result.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { OutriderError } from "../../../../core/model/errors.ts";
import { askWorker } from "../../../../core/platform/ask-worker.ts";
import { runningModule } from "../../../../core/platform/places.ts";
import { bindCalibration, COUNTER } from "../passes/kernels.ts";
import { scratchBytes, type Task } from "../tasks/tasks.ts";
import { SharedArena } from "./shared-arena.ts";
import { widestModule } from "./widest.ts";

/** The order to a worker: take parts of `task`, with `scratch` for itself. */
export interface Order {
  readonly task: Task;
  readonly parts: number;
  readonly scratch: number;
}

/** The worker's reply: nothing, or why it failed. */
export interface Outcome {
  readonly error?: string;
}

export class Pool {
  readonly arena = new SharedArena();
  readonly #workers: Worker[];
  readonly #gemmWorkBytes: number;
  #scratch: number | undefined;
  #scratchEach = 0;
  #busy = false;

  private constructor(module: WebAssembly.Module, threads: number) {
    this.#gemmWorkBytes = bindCalibration(module, this.arena.memory).gemmWorkBytes();
    const workerData = { module, memory: this.arena.memory };
    const file = runningModule("tools/compress/calibrate/threads/worker");
    this.#workers = Array.from({ length: threads }, () => new Worker(file, { workerData, execArgv: [] }));
  }

  /** Starts threads, by default as many as the machine runs at once. Dispose of the pool to end them. */
  static async open(threads = availableParallelism()): Promise<Pool> {
    return new Pool(await widestModule(), threads);
  }

  get threads(): number {
    return this.#workers.length;
  }

  /**
   * Runs parts 0 … parts − 1 of a task on all threads; one task at a time. Rejects with `worker_failed` where a part
   * fails, when no thread works on the task any more.
   */
  async run(task: Task, parts: number): Promise<void> {
    if (this.#busy) throw new Error("a pool runs one task at a time");
    this.#busy = true;
    try {
      this.#reserve(scratchBytes(task, this.#gemmWorkBytes));
      Atomics.store(this.arena.integers(COUNTER, 1), 0, 0);
      const ends = await Promise.allSettled(
        this.#workers.map((worker, n) =>
          this.#order(worker, { task, parts, scratch: this.#scratch! + n * this.#scratchEach }),
        ),
      );
      const failure = ends.find((end) => end.status === "rejected");
      if (failure) throw failure.reason;
    } finally {
      this.#busy = false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  async #order(worker: Worker, order: Order): Promise<void> {
    const { error } = await askWorker<Outcome>(worker, order, "worker_failed", "a calibration thread");
    if (error !== undefined) throw new OutriderError("worker_failed", `a calibration thread failed: ${error}`);
  }

  /** At least `bytes` of scratch for each thread, kept for the next task. */
  #reserve(bytes: number): void {
    if (bytes <= this.#scratchEach) return;
    if (this.#scratch !== undefined) this.arena.free(this.#scratch);
    this.#scratchEach = bytes;
    this.#scratch = this.arena.allocate(bytes * this.threads);
  }
}
