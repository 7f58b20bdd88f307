/**
 * `npm run bench:beside`: a short question alone, and beside six prompts of a megabyte each, which the edge refuses.
 * The service is started as `npm start` does. Both ways take turns, so a busy machine is as busy for either.
 *
 *   npm run bench:beside -- [--quick] [--rounds 40] [--text 7] [--url URL] [-- options of start]
 *
 * Each round asks once alone and once right behind the six. --text is what the long prompts repeat. --url asks a
 * service that runs already. Ratios are of medians. The last line is JSON.
 */
import { textTable } from "../../src/charts/text-table.ts";
import { parseOptions } from "../support/parse-options.ts";
import { npmStart } from "../support/started.ts";
import { quantile } from "./load/statistics.ts";
import { chatStream } from "./stream-client.ts";

const { values, positionals } = parseOptions({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    text: { type: "string", default: "7" },
    url: { type: "string" },
  },
  allowPositionals: true,
});
const rounds = Number(values.rounds ?? (values.quick ? 8 : 40));
const LONG_PROMPTS = 6;
/** With the JSON around it just below what a body may have. */
const LONG = values.text.repeat(Math.floor((1024 * 1024 - 200) / values.text.length));
const ANSWER_TOKENS = 16;

const service = values.url === undefined ? await npmStart(positionals) : null;
try {
  const url = values.url ?? service!.url;
  const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: [{ id: string }] };
  const model = data[0].id;
  const body = JSON.stringify({ model, messages: [{ role: "user", content: LONG }] });
  const refused = async (): Promise<void> => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body });
    const { error } = (await response.json()) as { error?: { code: string } };
    if (error?.code !== "context_length_exceeded") throw new Error(`a long prompt got status ${response.status}`);
  };
  const hello = async (session: string): Promise<{ first: number; whole: number }> => {
    const { arrivals, askedAt } = await chatStream(url, "hello", { session, model, maxTokens: ANSWER_TOKENS });
    return { first: arrivals[0]!.at - askedAt, whole: arrivals.at(-1)!.at - askedAt };
  };

  // Start-up is not what is asked for.
  await hello("warm");
  await refused();
  const alone: { first: number; whole: number }[] = [];
  const beside: typeof alone = [];
  const run = Date.now();
  for (let round = 0; round < rounds; round++) {
    alone.push(await hello(`alone ${run} ${round}`));
    const long = Array.from({ length: LONG_PROMPTS }, refused);
    beside.push(await hello(`beside ${run} ${round}`));
    await Promise.all(long);
  }
  const of = (what: "first" | "whole") => {
    const [one, other] = [alone.map((each) => each[what]), beside.map((each) => each[what])];
    const ms = [quantile(one, 0.5), quantile(other, 0.5), quantile(one, 0.9), quantile(other, 0.9)];
    return { ms, ratio: ms[1]! / ms[0]! };
  };
  const [first, whole] = [of("first"), of("whole")];
  const row = (name: string, { ms, ratio }: ReturnType<typeof of>) => [name, ...ms.map(Math.round), ratio.toFixed(2)];
  const head = ["ms", "alone", "beside six", "alone, p90", "beside, p90", "beside ÷ alone"];
  const rows = [row("first token", first), row(`${ANSWER_TOKENS} tokens`, whole)].map((cells) => cells.map(String));
  console.log(textTable(head, rows).join("\n"));
  console.log(JSON.stringify({ beside: { rounds, first, whole } }));
} finally {
  await service?.stop();
}
