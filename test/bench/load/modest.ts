/**
 * A modest key asks one thing after the other, in a thread of its own: what a greedy client computes in its own process
 * is no part of the service. Sends the ms from each request to its first text, and how many answers were lost.
 */
import { parentPort, workerData } from "node:worker_threads";
import { Clients } from "./clients.ts";

export interface ModestAsked {
  readonly url: string;
  readonly name: string;
  readonly count: number;
  readonly tokens: number;
  readonly draft: string;
}

export interface ModestSeen {
  readonly firsts: readonly number[];
  readonly tokens: number;
  readonly answers: number;
  readonly lost: number;
}

const { url, name, count, tokens, draft } = workerData as ModestAsked;
// The thread's own start is not what is asked for.
await new Clients(url, { tokens, draft }).converse("modest", `${name} first`, 1);
const clients = new Clients(url, { tokens, draft });
for (let n = 0; n < count; n++) await clients.converse("modest", `${name} ${n}`, 1);
const { firsts, answers, lost } = clients;
parentPort!.postMessage({ firsts, tokens: clients.tokens, answers, lost } satisfies ModestSeen);
