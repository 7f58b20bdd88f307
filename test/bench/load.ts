/**
 * `npm run bench:load`: many conversations at once, through workerd to an origin that costs nothing. What is left is
 * the service itself: its speed, its waits, its memory, and what it stores.
 *
 *   npm run bench:load -- [--quick] [--conversations 10000] [--at-once 64] [--turns 2] [--tokens 32] [--draft lookup]
 *
 * Edge and gateway are processes of their own, so that each one's memory and CPU can be read (Linux). The engine
 * decides at once, and what it says is a function of the position. Gaps are those between two chunks of a stream. The
 * memory's slope is a least-squares line over the second half of the run. Fairness: a modest key asks one thing after
 * the other, alone and beside a greedy one that keeps `--at-once` answers under way. The last line is JSON.
 */
import { parseArgs } from "node:util";
import { storedBytes } from "../../src/bill/storing.ts";
import { textTable } from "../../src/charts/text-table.ts";
import { Clients } from "./load/clients.ts";
import { Gauge } from "./load/gauge.ts";
import { startLoaded } from "./load/service.ts";
import { quantile, slopeOf } from "./load/statistics.ts";

const { values } = parseArgs({
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

const service = await startLoaded();
try {
  const clients = new Clients(service.url, { tokens, draft: values.draft });
  // Start-up is not what is asked for.
  await clients.converse("greedy", "warm", 1);

  const alone = new Clients(service.url, { tokens, draft: values.draft });
  for (let n = 0; n < modest; n++) await alone.converse("modest", `alone ${n}`, 1);

  const gauge = new Gauge(service.processes);
  const beside = new Clients(service.url, { tokens, draft: values.draft });
  let left = conversations;
  let running = true;
  const greedy = Array.from({ length: atOnce }, async () => {
    while (left > 0) {
      const number = left--;
      await clients.converse("greedy", `greedy ${number}`, turns);
      gauge.read();
      if (number % Math.ceil(conversations / 20) === 0) process.stderr.write(`${left} conversations left\n`);
    }
    running = false;
  });
  const asking = (async () => {
    for (let n = 0; n < modest && running; n++) await beside.converse("modest", `beside ${n}`, 1);
  })();
  const from = performance.now();
  await Promise.all([...greedy, asking]);
  const seconds = (performance.now() - from) / 1000;
  gauge.read();

  const total = clients.tokens + beside.tokens;
  const cpu = gauge.cpuMs("edge");
  const answers = clients.answers + beside.answers;
  const stored = service.stored();
  const each = storedBytes({ first: true, turns, tokens: clients.longest, pages: 0, pageBytes: 0 });
  const memory = (["edge", "gateway"] as const).map((name) => {
    const readings = gauge.memory(name);
    return {
      name,
      most_mb: Math.max(...readings.map(({ mb }) => mb)),
      kb_a_conversation: 1000 * slopeOf(readings.slice(readings.length >> 1).map(({ mb, done }) => [done, mb])),
    };
  });
  const result = {
    conversations,
    at_once: atOnce,
    lost: clients.lost + beside.lost + alone.lost,
    tokens_per_second: total / seconds,
    first_token_ms: { p50: quantile(clients.firsts, 0.5), p99: quantile(clients.firsts, 0.99) },
    gap_ms: { p50: quantile(clients.gaps, 0.5), p99: quantile(clients.gaps, 0.99) },
    edge_cpu_ms: { a_token: cpu / total, an_answer: cpu / answers },
    memory,
    stored_bytes: {
      a_conversation: stored.reduce((sum, bytes) => sum + bytes, 0) / stored.length,
      by_arithmetic: each,
    },
    modest_first_ms: {
      alone: { p50: quantile(alone.firsts, 0.5), p99: quantile(alone.firsts, 0.99) },
      beside: { p50: quantile(beside.firsts, 0.5), p99: quantile(beside.firsts, 0.99) },
    },
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
}
