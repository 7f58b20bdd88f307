/**
 * `npm run bench beside`: a short question of one key, alone and beside eight costly requests of another key at once.
 * The service is started as `npm start` does. Both ways take turns, so a busy machine is as busy for either.
 *
 *   npm run bench beside -- [--quick] [--rounds 40] [--attacks prompt,tokenize] [--at-once 8]
 *                           [--url URL [--keys GREEDY,MODEST]] [-- options of start]
 *
 * Each round asks once alone and once right behind the costly ones (beside/attacks.ts has them; all unless given).
 * --url asks a service that runs already, with its --keys. Ratios are of medians. The last line is JSON.
 */
import { Worker } from "node:worker_threads";
import { textTable } from "../../src/tools/charts/text-table.ts";
import { parseOptions } from "../support/parse-options.ts";
import { npmStart } from "../support/service.ts";
import { ATTACKS } from "./beside/attacks.ts";
import type { Greedy, Seen } from "./beside/greedy.ts";
import { quantile } from "./load/statistics.ts";
import { chatStream } from "./stream-client.ts";

const { values, positionals } = parseOptions({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    attacks: { type: "string", default: Object.keys(ATTACKS).join() },
    "at-once": { type: "string", default: "8" },
    url: { type: "string" },
    keys: { type: "string", default: "," },
  },
  allowPositionals: true,
});
const rounds = Number(values.rounds ?? (values.quick ? 8 : 40));
const [greedyKey = "", key = ""] = values.keys.split(",");
const ANSWER_TOKENS = 16;

interface Times {
  readonly first: number[];
  readonly whole: number[];
}

const service = values.url === undefined ? await npmStart(positionals) : null;
try {
  const url = values.url ?? service!.url;
  const headers = { authorization: `Bearer ${key}` };
  const { data } = (await (await fetch(`${url}/v1/models`, { headers })).json()) as { data: [{ id: string }] };
  const model = data[0].id;
  const hello = async (session: string, times: Times): Promise<void> => {
    const options = { session, model, maxTokens: ANSWER_TOKENS, key };
    const { arrivals, askedAt } = await chatStream(url, "hello", options);
    times.first.push(arrivals[0]!.at - askedAt);
    times.whole.push(arrivals.at(-1)!.at - askedAt);
  };

  const rows: string[][] = [];
  const results: object[] = [];
  for (const attack of values.attacks.split(",")) {
    const workerData: Greedy = { url, key: greedyKey, model, attack, atOnce: Number(values["at-once"]) };
    const thread = new Worker(new URL("beside/greedy.ts", import.meta.url), { workerData });
    const said = () => new Promise<unknown>((resolve) => thread.once("message", resolve));
    /** Sends the costly requests, and says how they ended once `meanwhile` has. */
    const round = async (meanwhile: () => Promise<void>): Promise<Seen> => {
      const sent = said();
      thread.postMessage(null);
      await sent;
      const seen = said();
      await meanwhile();
      return (await seen) as Seen;
    };
    // Start-up is not what is asked for.
    const none: Times = { first: [], whole: [] };
    await round(() => hello(`warm ${attack}`, none));
    const [alone, beside]: [Times, Times] = [
      { first: [], whole: [] },
      { first: [], whole: [] },
    ];
    const all: Seen[] = [];
    const run = Date.now();
    for (let n = 0; n < rounds; n++) {
      await hello(`alone ${run} ${n}`, alone);
      all.push(await round(() => hello(`beside ${run} ${n}`, beside)));
    }
    await thread.terminate();
    const statuses = [...new Set(all.flatMap((seen) => seen.statuses))].join();
    const attackMs = quantile(
      all.map(({ ms }) => ms),
      0.5,
    );
    for (const what of ["first", "whole"] as const) {
      const of = (times: Times) => [0.5, 0.99, 1].map((share) => quantile(times[what], share));
      const [own, other] = [of(alone), of(beside)];
      const ratio = other[0]! / own[0]!;
      const ms = [...own, ...other].map((each) => `${Math.round(each)}`);
      rows.push([attack, statuses, `${Math.round(attackMs)}`, what, ...ms, ratio.toFixed(2)]);
      results.push({ attack, statuses, attackMs, what, rounds, alone: own, beside: other, ratio });
    }
    console.error(rows.at(-2)!.join(" | "));
  }
  const of = (way: string) => ["p50", "p99", "worst"].map((share) => `${way}, ${share}`);
  const head = ["attack", "status", "its ms", "ms to", ...of("alone"), ...of("beside"), "beside ÷ alone"];
  console.log(textTable(head, rows).join("\n"));
  console.log(JSON.stringify({ beside: results }));
} finally {
  await service?.stop();
}
