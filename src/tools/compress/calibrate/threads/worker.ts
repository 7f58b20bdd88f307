/** A thread of the pool: takes the next part of a task until none is left. */
import { parentPort, workerData } from "node:worker_threads";
import { bindCalibration, COUNTER } from "../passes/kernels.ts";
import { runPart } from "../tasks/tasks.ts";
import type { Order, Outcome } from "./pool.ts";

const { module, memory } = workerData as { module: WebAssembly.Module; memory: WebAssembly.Memory };
// A memory that the main thread grew just while this thread received it keeps its old size here, and kernels trap
// behind that (docs/record/log.md, 2026-11-30). Any call of `grow` brings the size of now; of later growth V8 tells a thread.
memory.grow(0);
const kernels = bindCalibration(module, memory);
const next = new Int32Array(memory.buffer, COUNTER, 1);

parentPort!.on("message", ({ task, parts, scratch }: Order) => {
  const outcome: { error?: string } = {};
  try {
    for (let part = 0; (part = Atomics.add(next, 0, 1)) < parts; ) runPart({ kernels, memory, scratch }, task, part);
  } catch (error) {
    outcome.error = String(error);
    // No other thread takes another part.
    Atomics.store(next, 0, parts);
  }
  parentPort!.postMessage(outcome satisfies Outcome);
});
