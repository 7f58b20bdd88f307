/** The thread of an alarm: sleeps until the time that it is given, says so, and sleeps until the next order. */
import { parentPort, workerData } from "node:worker_threads";
import { steadyMs } from "./alarm.ts";

const orders = new Int32Array(workerData as SharedArrayBuffer, 0, 2);
const until = new Float64Array(workerData as SharedArrayBuffer, 8, 1);

for (let heard = 0; ; heard++) {
  Atomics.wait(orders, 0, heard);
  for (let left = until[0]! - steadyMs(); left > 0; left = until[0]! - steadyMs()) Atomics.wait(orders, 1, 0, left);
  parentPort!.postMessage(null);
}
