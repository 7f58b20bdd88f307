/** Questions to threads that answer, fail, end, and have ended. */
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { askWorker } from "../../src/core/platform/ask-worker.ts";

const thread = (body: string) =>
  new Worker(`const { parentPort } = require("node:worker_threads"); ${body}`, { eval: true });
const ask = (worker: Worker, message: unknown) => askWorker(worker, message, "failed_here", "the thread");

test("the answer to each question", async () => {
  const worker = thread(`parentPort.on("message", (n) => parentPort.postMessage(n + 1))`);
  expect([await ask(worker, 1), await ask(worker, 5)]).toEqual([2, 6]);
  await worker.terminate();
});

test.each([
  ["throws", `throw new Error("no room")`, "the thread failed: Error: no room"],
  ["ends", "process.exit(3)", "the thread failed: it ended with code 3"],
])("a thread that %s, and the same thread asked again", async (_, happens, message) => {
  const worker = thread(`parentPort.on("message", () => { ${happens} })`);
  await expect(ask(worker, 0)).rejects.toMatchObject({ code: "failed_here", message });
  await new Promise<void>((ended) => (worker.threadId === -1 ? ended() : worker.once("exit", () => ended())));
  await expect(ask(worker, 0)).rejects.toMatchObject({
    code: "failed_here",
    message: "the thread failed: it has ended",
  });
});
