/**
 * The key that sends an attack, in a thread of its own: what it computes in its own process is no part of the service.
 * Is told when to begin, says so as its requests go, and says what came back.
 */
import { parentPort, workerData } from "node:worker_threads";
import { ATTACKS } from "./attacks.ts";

export interface Greedy {
  readonly url: string;
  readonly key: string;
  readonly model: string;
  readonly attack: string;
  readonly atOnce: number;
}

/** Of one round: statuses, and how long all together took. */
export interface Seen {
  readonly statuses: readonly number[];
  readonly ms: number;
}

const { url, key, model, attack, atOnce } = workerData as Greedy;
const { path, body } = ATTACKS[attack]!;
const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
const text = new TextEncoder().encode(body(model));

async function send(): Promise<number> {
  const response = await fetch(url + path, { method: "POST", headers, body: text });
  await response.arrayBuffer();
  return response.status;
}

parentPort!.on("message", async () => {
  const began = performance.now();
  const sent = Array.from({ length: atOnce }, send);
  parentPort!.postMessage("sent");
  const statuses = await Promise.all(sent);
  parentPort!.postMessage({ statuses, ms: performance.now() - began } satisfies Seen);
});
