/** The target on the wasm engine, in threads of this process. */
import { Worker } from "node:worker_threads";
import { OutriderError } from "../../core/model/errors.ts";
import { askWorker } from "../../core/platform/ask-worker.ts";
import { runningModule } from "../../core/platform/places.ts";
import type { Author, Request } from "./author.ts";
import { OneAtATime } from "./one-at-a-time.ts";

export interface ThreadData {
  /** Directory of the pack. */
  readonly pack: string;
  /** Longest timeline in tokens. */
  readonly context: number;
}

export type ThreadRequest = Omit<Request, "messages">;

export type Reply = { readonly tokens: number[] } | { readonly code: string; readonly message: string };

export class Threads implements Author {
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

  async write({ prompt, temperature, seed, maxTokens }: Request): Promise<number[]> {
    const request: ThreadRequest = { prompt, temperature, seed, maxTokens };
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
