/** The target on the wasm engine, in threads of this process. */
import { Worker } from "node:worker_threads";
import { OutriderError } from "../../core/model/errors.ts";
import { askWorker } from "../../core/platform/ask-worker.ts";
import { runningModule } from "../../core/platform/places.ts";
import { OneAtATime } from "./one-at-a-time.ts";

export interface ThreadData {
  /** Directory of the pack. */
  readonly pack: string;
  /** Longest timeline in tokens. */
  readonly context: number;
}

/** What a thread is to continue, sampled from the plain distribution: without top_k, top_p or min_p. */
export interface ThreadRequest {
  /** Token ids. */
  readonly prompt: readonly number[];
  readonly temperature: number;
  readonly seed: number;
  readonly maxTokens: number;
}

export type Reply = { readonly tokens: number[] } | { readonly code: string; readonly message: string };

export class Threads implements AsyncDisposable {
  /** Number of requests that are worth running together. */
  readonly atOnce: number;
  readonly #workers: Worker[];
  readonly #idle: OneAtATime<Worker>;

  /** Each thread loads the pack for itself: its weights, and keys and values for `context` tokens. */
  constructor(threads: number, workerData: ThreadData) {
    this.atOnce = threads;
    const file = runningModule("tools/corpus/thread");
    this.#workers = Array.from({ length: threads }, () => new Worker(file, { workerData, execArgv: [] }));
    this.#idle = new OneAtATime(this.#workers);
  }

  /**
   * The target's answer in token ids. The last is an end token if the target ended the answer itself. Rejects with an
   * OutriderError.
   */
  async write(request: ThreadRequest): Promise<number[]> {
    const reply = await this.#idle.use((worker) =>
      askWorker<Reply>(worker, request, "thread_failed", "a thread of the target"),
    );
    if ("tokens" in reply) return reply.tokens;
    throw new OutriderError(reply.code, reply.message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}
