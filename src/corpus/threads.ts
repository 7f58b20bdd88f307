/** The target on the wasm engine, in threads of this process. */
import { Worker } from "node:worker_threads";
import { OutriderError } from "../model/errors.ts";
import type { Author, Request } from "./author.ts";
import { Lender } from "./lender.ts";

export interface ThreadData {
  /** Directory of the pack. */ readonly pack: string;
  /** Longest timeline in tokens. */ readonly context: number;
}

export type ThreadRequest = Omit<Request, "messages">;

export type Reply = { readonly tokens: number[] } | { readonly code: string; readonly message: string };

export class Threads implements Author {
  readonly atOnce: number;
  readonly #workers: Worker[];
  readonly #lender: Lender<Worker>;

  /** Each thread loads the pack for itself: its weights, and keys and values for `context` tokens. */
  constructor(threads: number, workerData: ThreadData) {
    this.atOnce = threads;
    const file = new URL("./thread.ts", import.meta.url);
    this.#workers = Array.from({ length: threads }, () => new Worker(file, { workerData, execArgv: [] }));
    this.#lender = new Lender(this.#workers);
  }

  async write({ prompt, temperature, seed, maxTokens }: Request): Promise<number[]> {
    const reply = await this.#lender.lend((worker) => ask(worker, { prompt, temperature, seed, maxTokens }));
    if ("tokens" in reply) return reply.tokens;
    throw new OutriderError(reply.code, reply.message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

function ask(worker: Worker, request: ThreadRequest): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(new OutriderError("thread_failed", `a thread of the target failed: ${cause}`, { cause }));
    const ended = (code: number) => fail(`it ended with code ${code}`);
    worker.once("error", fail);
    worker.once("exit", ended);
    worker.once("message", (reply: Reply) => {
      worker.off("error", fail);
      worker.off("exit", ended);
      resolve(reply);
    });
    worker.postMessage(request);
  });
}
