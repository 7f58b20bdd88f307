/**
 * `npm run bench load`: many conversations at once, through workerd to an origin that costs nothing. What is left is
 * the service itself: its speed, its waits, its memory, and what it stores.
 *
 *   npm run bench load -- [--quick] [--conversations 10000] [--at-once 64] [--turns 2] [--tokens 32] [--draft lookup]
 *
 * Edge and gateway are processes of their own, so that each one's memory and CPU can be read (Linux). The engine
 * decides at once, and what it says is a function of the position. Gaps are those between two chunks of a stream. The
 * memory's slope is a least-squares line over the second half of the run; processes include workerd's own and, at the
 * edge, that of wrangler's proxy, so the isolate's heap is read as well. Fairness: a modest key asks one thing after
 * the other: alone; beside a greedy one that keeps `--at-once` answers under way; and at an edge and a gateway of its
 * own while that goes on, which shows what the machine's processors alone cost it. The last line is JSON.
 */
import { Worker } from "node:worker_threads";
import { storedBytes } from "../../src/edge/bill/using.ts";
import { textTable } from "../../src/tools/charts/text-table.ts";
import { parseOptions } from "../support/parse-options.ts";
import { Clients } from "./load/clients.ts";
import { Gauge, type Reading } from "./load/gauge.ts";
import type { ModestAsked, ModestSeen } from "./load/modest.ts";
import { startLoaded } from "./load/service.ts";
import { quantile, slopeOf } from "./load/statistics.ts";

const { values } = parseOptions({
  options: {
    quick: { type: "boolean", default: false },
    conversations: { type: "string" },
    "at-once": { type: "string", default: "64" },
    turns: { type: "string", default: "2" },
    tokens: { type: "string", default: "32" },
    draft: { type: "string", default: "lookup" },
  },
});
const conversations = Number(values.conversations ?? (values.quick ? 400 : 10_000));
const [atOnce, turns, tokens] = [Number(values["at-once"]), Number(values.turns), Number(values.tokens)];
const modest = values.quick ? 20 : 100;

/** The isolate collects its garbage when it is asked for its heap, so nobody asks while the modest key is waiting. */
const HEAP_EVERY_MS = 3_000;

const service = await startLoaded();
const apartService = await startLoaded().catch(async (error) => {
  await service.stop();
  throw error;
});
try {
  const clients = new Clients(service.url, { tokens, draft: values.draft });
  // Start-up is not what is asked for.
  await clients.converse("greedy", "warm", 1);

  const asModest = (url: string, name: string): Promise<ModestSeen> =>
    new Promise((resolve, reject) => {
      const workerData: ModestAsked = { url, name, count: modest, tokens, draft: values.draft };
      const thread = new Worker(new URL("load/modest.ts", import.meta.url), { workerData });
      thread.once("message", resolve).once("error", reject);
    });
  const alone = await asModest(service.url, "alone");

  const gauge = new Gauge(service.processes);
  let left = conversations;
  const greedy = Array.from({ length: atOnce }, async () => {
    while (left > 0) {
      const number = left--;
      await clients.converse("greedy", `greedy ${number}`, turns);
      gauge.read();
      if (number % Math.ceil(conversations / 20) === 0) process.stderr.write(`${left} conversations left\n`);
    }
  });
  const from = performance.now();
  const asking = (async () => {
    // All of the greedy key's are under way.
    while (clients.answers < atOnce && left > 0) await new Promise((resolve) => setTimeout(resolve, 100));
    return [await asModest(service.url, "beside"), await asModest(apartService.url, "apart")] as const;
  })();
  /** Of the edge's isolate. */
  const heap: Reading[] = [];
  const watching = (async () => {
    await asking;
    while (left > 0) {
      heap.push({ done: conversations - left, mb: await service.heapMb() });
      await new Promise((resolve) => setTimeout(resolve, HEAP_EVERY_MS));
    }
  })();
  const [[beside, apart]] = await Promise.all([asking, watching, ...greedy]);
  const seconds = (performance.now() - from) / 1000;
  gauge.read();

  const total = clients.tokens + beside.tokens;
  const cpu = gauge.cpuMs("edge");
  const answers = clients.answers + beside.answers;
  const stored = service.stored();
  const each = storedBytes({ first: true, turns, tokens: clients.longest, pages: 0, pageBytes: 0 });
  const memory = [
    { name: "edge, heap of its isolate", readings: heap },
    { name: "edge, its processes", readings: gauge.memory("edge") },
    { name: "gateway, its process", readings: gauge.memory("gateway") },
  ].map(({ name, readings }) => ({
    name,
    most_mb: Math.max(...readings.map(({ mb }) => mb)),
    kb_a_conversation: 1000 * slopeOf(readings.slice(readings.length >> 1).map(({ mb, done }) => [done, mb])),
  }));
  const result = {
    conversations,
    at_once: atOnce,
    lost: [clients, alone, beside, apart].reduce((sum, { lost }) => sum + lost, 0),
    tokens_per_second: total / seconds,
    first_token_ms: spread(clients.firsts),
    gap_ms: spread(clients.gaps),
    edge_cpu_ms: { a_token: cpu / total, an_answer: cpu / answers },
    memory,
    stored_bytes: {
      a_conversation: stored.reduce((sum, bytes) => sum + bytes, 0) / stored.length,
      by_arithmetic: each,
    },
    modest_first_ms: { alone: spread(alone.firsts), beside: spread(beside.firsts), apart: spread(apart.firsts) },
  };
  const fixed = (value: number) => value.toFixed(value < 10 ? 2 : 0);
  const pair = ({ p50, p99 }: { p50: number; p99: number }) => [fixed(p50), fixed(p99)];
  console.log(`${conversations} conversations of ${turns} turns, ${atOnce} at once, ${tokens} tokens an answer`);
  console.log(`${fixed(result.tokens_per_second)} tokens/s; ${result.lost} answers lost`);
  console.log(
    textTable(
      ["ms", "p50", "p99"],
      [
        ["first token", ...pair(result.first_token_ms)],
        ["gap between chunks", ...pair(result.gap_ms)],
        ["a modest key's first token, alone", ...pair(result.modest_first_ms.alone)],
        ["the same beside a greedy key", ...pair(result.modest_first_ms.beside)],
        ["the same at a service of its own", ...pair(result.modest_first_ms.apart)],
      ],
    ).join("\n"),
  );
  const megabytes = memory.map(({ name, most_mb, kb_a_conversation }) => [
    name,
    fixed(most_mb),
    kb_a_conversation.toFixed(2),
  ]);
  console.log(textTable(["memory", "most, MB", "growth, KB a conversation"], megabytes).join("\n"));
  console.log(
    `edge CPU: ${fixed(result.edge_cpu_ms.a_token)} ms a token, ${fixed(result.edge_cpu_ms.an_answer)} an answer; ` +
      `stored: ${fixed(result.stored_bytes.a_conversation)} bytes a conversation, ${each} by arithmetic`,
  );
  console.log(JSON.stringify({ load: result }));
} finally {
  await service.stop();
  await apartService.stop();
}

function spread(ms: readonly number[]) {
  return { p50: quantile(ms, 0.5), p99: quantile(ms, 0.99) };
}
