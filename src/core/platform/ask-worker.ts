/** One question to a Node worker thread, and its answer. */
import type { Worker } from "node:worker_threads";
import { OutriderError } from "../model/errors.ts";

/** What Node gives as the id of a thread that has ended. */
const ENDED = -1;

/**
 * Posts `message` and resolves to the next message of the thread; one question at a time. Rejects with `code` when the
 * thread fails or ends first, or has ended before; `name` is what the error calls it.
 */
export function askWorker<Reply>(worker: Worker, message: unknown, code: string, name: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    // It would drop the message, and its `exit` has passed.
    if (worker.threadId === ENDED) return reject(new OutriderError(code, `${name} failed: it has ended`));
    const settle = (then: () => void): void => {
      worker.off("error", failed);
      worker.off("exit", ended);
      worker.off("message", answered);
      then();
    };
    const failed = (cause: unknown) =>
      settle(() => reject(new OutriderError(code, `${name} failed: ${cause}`, { cause })));
    const ended = (exit: number) => failed(`it ended with code ${exit}`);
    const answered = (reply: Reply) => settle(() => resolve(reply));
    worker.once("error", failed);
    worker.once("exit", ended);
    worker.once("message", answered);
    worker.postMessage(message);
  });
}
