/**
 * `npm run bench edge-cpu`: the edge's CPU for an answer and for a token of it, all but the draft: `ANSWER_MS` and
 * `TOKEN_MS` of src/edge/bill/using.ts.
 *
 *   npm run bench edge-cpu -- [--quick] [--rounds 12] [--answers 100] [--draft off]
 *
 * Each round asks for short answers, then for long ones, one after the other, streamed, of an engine that costs nothing;
 * what a token costs is the difference. Read is the CPU of the whole process of workerd, so Miniflare's part is in it:
 * an upper bound of what Cloudflare would count. Medians of rounds. The last line is JSON. Linux; close other programs.
 */
import { readFileSync } from "node:fs";
import { textTable } from "../../src/tools/charts/text-table.ts";
import { startEdge } from "../chaos/edge.ts";
import { parseOptions } from "../support/parse-options.ts";
import { scriptedOrigin } from "../support/scripted-engine.ts";
import { packHeader, TINY_PACKS } from "../support/tiny.ts";
import { Clients } from "./load/clients.ts";
import { Gauge } from "./load/gauge.ts";
import { quantile } from "./load/statistics.ts";

const { values } = parseOptions({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    answers: { type: "string", default: "100" },
    draft: { type: "string", default: "off" },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? 4 : 12));
const answers = Number(values.answers);
const TOKENS = { short: 4, long: 260 } as const;

const { vocabulary } = packHeader(TINY_PACKS.draft);
const { server } = await scriptedOrigin({}, 0, { model: "tiny", vocabulary });
const edge = await startEdge({ ORIGIN_URL: `http://127.0.0.1:${server.port}` });
try {
  // workerd is in the group of this process.
  const group = Number(readFileSync("/proc/self/stat", "utf8").split(" ")[4]);
  let asked = 0;
  /** CPU of so many answers, ms each. */
  const cpuOf = async (tokens: number): Promise<number> => {
    const clients = new Clients(edge.url, { tokens, draft: values.draft });
    const gauge = new Gauge({ edge: { group, command: "workerd" } });
    for (let n = 0; n < answers; n++) await clients.converse("anybody", `edge cpu ${asked++}`, 1);
    if (clients.lost > 0) throw new Error(`${clients.lost} answers were lost`);
    return gauge.cpuMs("edge") / answers;
  };
  await cpuOf(TOKENS.long);
  const measured: { answer: number; token: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const [short, long] = [await cpuOf(TOKENS.short), await cpuOf(TOKENS.long)];
    const token = (long - short) / (TOKENS.long - TOKENS.short);
    measured.push({ answer: short - TOKENS.short * token, token });
    process.stderr.write(`round ${round + 1}: ${short.toFixed(2)} and ${long.toFixed(2)} ms an answer\n`);
  }
  const of = (what: "answer" | "token") => {
    const all = measured.map((each) => each[what]);
    return { median: quantile(all, 0.5), least: Math.min(...all) };
  };
  const result = { answer_ms: of("answer"), token_ms: of("token") };
  const row = (name: string, { median, least }: ReturnType<typeof of>) => [name, median.toFixed(3), least.toFixed(3)];
  console.log(
    textTable(
      ["edge CPU, ms", "median", "least"],
      [row("an answer", result.answer_ms), row("a token", result.token_ms)],
    ).join("\n"),
  );
  console.log(JSON.stringify({ edge_cpu: result }));
} finally {
  await edge.close();
  await server.close();
}
