/**
 * The service before real SGLang and vLLM servers on this machine's processor, beside what these say to a client of
 * their own API. Each question is asked under each sampling in three ways, one after the other:
 *
 *   server   the server's own chat completions, streamed
 *   off      the service, without drafts
 *   drafts   the service, where the target waits for drafts of up to 8 tokens (PREFER=passes)
 *
 *   npm run bench servers -- [--servers sglang,vllm,vllm-unlimited] [--tokens 48] [--questions 3]
 *                            [--checkpoint DIR --draft PACK]
 *
 * Needs what `npm run suite engines` needs. --checkpoint: a Hugging Face folder, called as its model, and a draft for
 * it, in place of SmolLM2-135M-Instruct and the default draft. Prints a table and, last, one JSON line. On a processor
 * a position costs nearly a pass, so `drafts` tells how many requests are saved, and not a speed.
 */
import { textTable } from "../../src/tools/charts/text-table.ts";
import { CODING_PROMPTS } from "../cases/prompts.ts";
import { realCheckpoint } from "../engines/checkpoint.ts";
import { SERVERS } from "../engines/servers.ts";
import { readEvents } from "../support/events.ts";
import { parseOptions } from "../support/parse-options.ts";
import { prepare } from "../support/prepared.ts";
import { freePort, type Running, startEdge, startOrigin } from "../support/service.ts";
import { FIVE_QUESTIONS } from "./questions.ts";
import { summarise } from "./tables.ts";

const { values } = parseOptions({
  options: {
    servers: { type: "string", default: "sglang,vllm,vllm-unlimited" },
    tokens: { type: "string", default: "48" },
    questions: { type: "string", default: "3" },
    checkpoint: { type: "string" },
    draft: { type: "string" },
  },
});

/** As clients send them. The last is what the publisher of the coder's target recommends, but for its penalty. */
const SAMPLINGS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  greedy: { temperature: 0 },
  "none given (temperature 1)": { temperature: 1 },
  "0.8, top_p 0.95": { temperature: 0.8, top_p: 0.95 },
  "0.7, top_p 0.8, top_k 20": { temperature: 0.7, top_p: 0.8, top_k: 20 },
};

interface Answer {
  /** Of an answer that the service gave: requests to the server, at least one a token or a draft. */
  readonly passes: number;
  readonly tokens: number;
  /** Tokens a second from the first text to the last. */
  readonly speed: number;
}

/** What a chunk of ours or of a server may hold. */
interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string | null } }[];
  readonly usage?: { readonly completion_tokens: number } | null;
  readonly timings?: { readonly target_passes: number };
}

async function streamed(url: string, body: Readonly<Record<string, unknown>>): Promise<Answer> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true }, ignore_eos: true }),
  });
  if (!response.ok || !response.body) throw new Error(`${url}: ${response.status}: ${await response.text()}`);
  const at: number[] = [];
  let tokens = 0;
  let passes = 0;
  for await (const event of readEvents(response.body)) {
    const { choices, usage, timings } = event as Chunk;
    if (choices?.[0]?.delta?.content) at.push(performance.now());
    tokens = usage?.completion_tokens ?? tokens;
    passes = timings?.target_passes ?? passes;
  }
  return { tokens, passes, speed: (1000 * (tokens - 1)) / (at.at(-1)! - at[0]!) };
}

const { target, draft } = values.checkpoint ? { target: "", draft: values.draft! } : await prepare();
const checkpoint = values.checkpoint ?? (await realCheckpoint(target));
const questions = (values.checkpoint ? CODING_PROMPTS : FIVE_QUESTIONS).slice(0, Number(values.questions));
const median = (numbers: readonly number[]): number => summarise(numbers).median;

const rows: Record<string, string | number>[] = [];
for (const name of values.servers.split(",")) {
  const { engine, start } = SERVERS[name]!;
  const started: Running[] = [await start(checkpoint, await freePort(), "float32")];
  try {
    const server = started[0]!.url;
    const origin = await startOrigin(checkpoint, engine, ["--url", server]);
    started.push(origin);
    const vars = { PREFER: "passes" };
    const edge = await startEdge({ targetPack: target, draftPack: draft, originUrl: origin.url, vars });
    started.push(edge);
    const modelOf = async (url: string) =>
      ((await (await fetch(`${url}/v1/models`)).json()) as { data: [{ id: string }] }).data[0].id;
    const ways = {
      server: { url: server, model: await modelOf(server), repetition_penalty: 1 },
      off: { url: edge.url, model: await modelOf(edge.url), outrider: { draft: "off" } },
      drafts: { url: edge.url, model: await modelOf(edge.url), outrider: { draft: "both" } },
    };
    for (const [named, sampling] of Object.entries(SAMPLINGS)) {
      const answers: Record<keyof typeof ways, Answer[]> = { server: [], off: [], drafts: [] };
      for (const [n, content] of questions.entries()) {
        for (const way of Object.keys(ways) as (keyof typeof ways)[]) {
          const { url, ...fields } = ways[way];
          const messages = [{ role: "user", content }];
          // A seed kills vLLM's CPU engine.
          const seed = way === "server" ? undefined : n;
          const rest = { messages, seed, max_tokens: Number(values.tokens), ...sampling };
          // What no seed repeats, and what a first request finds unprepared, is asked once before it counts.
          if (n === 0) await streamed(url, { ...fields, ...rest, max_tokens: 4 });
          answers[way].push(await streamed(url, { ...fields, ...rest }));
        }
      }
      const perPass = answers.drafts.map(({ tokens, passes }) => tokens / passes);
      const figure = (number: number): number => Number(number.toPrecision(3));
      rows.push({
        server: name,
        sampling: named,
        "server, tokens/s": figure(median(answers.server.map(({ speed }) => speed))),
        "off ÷ server": figure(median(answers.off.map(({ speed }, i) => speed / answers.server[i]!.speed))),
        "drafts ÷ server": figure(median(answers.drafts.map(({ speed }, i) => speed / answers.server[i]!.speed))),
        "tokens a request": figure(perPass.reduce((sum, each) => sum + each, 0) / perPass.length),
      });
      console.error(JSON.stringify(rows.at(-1)));
    }
  } finally {
    for (const one of started.toReversed()) await one.stop();
  }
}
console.log(
  textTable(
    Object.keys(rows[0]!),
    rows.map((row) => Object.values(row).map(String)),
  ).join("\n"),
);
console.log(JSON.stringify(rows));
