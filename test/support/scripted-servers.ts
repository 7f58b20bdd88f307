/**
 * SGLang's and vLLM's HTTP interfaces, as far as the engines use them, over the made-up language of `scripted.ts`: the
 * shapes are those that the real servers sent (npm run suite engines asks the real ones). They can be made to fail.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { scriptedRow, sleep, V } from "./scripted.ts";

/** So many replies that are not what the server meant. */
interface Garbled {
  garbled(reply: unknown): unknown;
  times: number;
}

export interface ScriptedServer {
  readonly url: string;
  /** Streams that nobody has ended yet. */
  readonly streaming: number;
  /** Requests answered. */
  readonly requests: { readonly path: string; readonly body: Record<string, unknown> }[];
  /** What the next request meets instead of an answer. */
  fault: "500" | "400" | "garbage" | "cut" | { stallMs: number } | Garbled | null;
  close(): Promise<void>;
}

/** ln p of all tokens after `timeline`, most likely first. */
function ranked(timeline: readonly number[], size = V): [logProbability: number, id: number][] {
  const row = scriptedRow(timeline, size);
  const total = Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0));
  const all = [...row].map((logit, id): [number, number] => [logit - total, id]);
  return all.sort(([a, x], [b, y]) => b - a || x - y);
}

/** A reply with status 400. */
class Refusal {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** One reply, or one that goes on: an event a token. */
type Answer = (body: Record<string, unknown>) => unknown;

/** What the language says after `timeline`, greedily. */
function* following(timeline: readonly number[], most: number): Generator<number> {
  const ids = [...timeline];
  for (let n = 0; n < most; n++) {
    ids.push(ranked(ids)[0]![1]);
    yield ids.at(-1)!;
  }
}

const isStream = (reply: unknown): reply is Generator<unknown> =>
  typeof reply === "object" && reply !== null && "next" in reply;

async function serve(routes: Readonly<Record<string, Answer>>): Promise<ScriptedServer> {
  const scripted: { requests: ScriptedServer["requests"]; fault: ScriptedServer["fault"]; streaming: number } = {
    requests: [],
    fault: null,
    streaming: 0,
  };
  const stream = async (response: ServerResponse, events: Iterable<unknown>): Promise<void> => {
    scripted.streaming++;
    response.setHeader("content-type", "text/event-stream");
    for (const event of events) {
      if (response.destroyed) break;
      response.write(`data: ${JSON.stringify(event)}\n\n`);
      await sleep(2);
    }
    response.end("data: [DONE]\n\n");
    scripted.streaming--;
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let text = "";
    for await (const chunk of request.setEncoding("utf8")) text += chunk;
    const path = request.url ?? "";
    const body = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
    const { fault } = scripted;
    const isGarbled = typeof fault === "object" && fault !== null && "garbled" in fault;
    if (!isGarbled || --fault.times === 0) scripted.fault = null;
    if (fault === "cut") return void request.socket.destroy();
    if (fault === "500" || fault === "400") return void response.writeHead(Number(fault)).end("out of luck");
    if (fault === "garbage") return void response.end("<html>");
    if (fault && !isGarbled) await sleep(fault.stallMs);
    const route = routes[path];
    if (!route) return void response.writeHead(404).end("no such route");
    scripted.requests.push({ path, body });
    const meant = route(body);
    const reply = isGarbled ? fault.garbled(meant) : meant;
    if (isStream(reply)) return stream(response, reply);
    if (reply instanceof Refusal) return void response.writeHead(400).end(reply.text);
    if (typeof reply === "string") return void response.end(reply);
    response.setHeader("content-type", "application/json").end(JSON.stringify(reply));
  };
  const server: Server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(scripted, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

/** What a server says of its model. */
export interface Scripted {
  readonly name: string;
  /** Ids of a text; absent: the server has no such route, as older ones. */
  readonly tokenize?: (text: string) => readonly number[];
  /** Tokens of its vocabulary; those of `scripted.ts` unless given. */
  readonly size?: number;
}

const tokens = ({ tokenize }: Scripted): Record<string, Answer> =>
  tokenize ? { "/tokenize": ({ prompt }) => ({ tokens: tokenize(prompt as string) }) } : {};

export const scriptedSglang = (
  model: Scripted = { name: "scripted" },
  version: string | undefined = "0.5.23",
): Promise<ScriptedServer> =>
  serve({
    ...tokens(model),
    "/get_server_info": () => ({ version, max_req_input_len: 4000, model_path: `models/${model.name}` }),
    "/generate"(body) {
      if (body.stream) {
        const { max_new_tokens } = body.sampling_params as { max_new_tokens: number };
        return repeated(following(body.input_ids as number[], max_new_tokens));
      }
      const starts = body.logprob_start_len as number[];
      const named = (body.token_ids_logprob as number[][] | undefined) ?? [];
      if (named.length > 0 && version !== "0.5.23") throw new Error("the real server would have died");
      const count = body.top_logprobs_num as number;
      return (body.input_ids as number[][]).map((ids, i) => told(ids, starts[i]!, count, named[i], model.size));
    },
  });

/** What SGLang tells of a sequence from position `start` on: the likeliest tokens, and those named. */
function told(ids: readonly number[], start: number, count: number, named?: readonly number[], size = V): unknown {
  if (ids.some((id) => !(id >= 0 && id < size))) throw new Error("the real server would have died");
  const among = (length: number, kept: (id: number, rank: number) => boolean) =>
    ranked(ids.slice(0, length), size)
      .filter(([, id], rank) => kept(id, rank))
      .map((pair) => [...pair, null]);
  const top = (length: number) => among(length, (_, rank) => rank < count);
  const byId = (length: number) => among(length, (id) => named!.includes(id));
  const own = (at: number) => ranked(ids.slice(0, at), size).find(([, id]) => id === ids[at])![0];
  const positions = ids.slice(start).map((_, n) => start + n);
  return {
    output_ids: [],
    meta_info: {
      cached_tokens: start,
      input_token_logprobs: positions.map((at, n) => [n === 0 ? null : own(at), ids[at], null]),
      input_top_logprobs: positions.map((at, n) => (n === 0 ? null : top(at))),
      output_top_logprobs: [top(ids.length)],
      ...(named && {
        input_token_ids_logprobs: positions.map((at, n) => (n === 0 ? null : byId(at))),
        output_token_ids_logprobs: [byId(ids.length)],
      }),
    },
  };
}

function* repeated(tokens: Iterable<number>): Generator<unknown> {
  const output_ids: number[] = [];
  for (const token of tokens) {
    output_ids.push(token);
    yield { output_ids, meta_info: {} };
  }
}

function* one(tokens: Iterable<number>): Generator<unknown> {
  for (const token of tokens) yield { choices: [{ index: 0, text: "", token_ids: [token] }] };
}

/**
 * @param metrics what it has at /metrics; absent: nothing
 * @param limit likeliest tokens that it returns at most
 */
export const scriptedVllm = (
  model: Scripted = { name: "scripted" },
  metrics?: string,
  limit = 20,
): Promise<ScriptedServer> =>
  serve({
    ...tokens(model),
    ...(metrics !== undefined && { "/metrics": () => metrics }),
    "/v1/models": () => ({ data: [{ id: "served", root: `models/${model.name}`, max_model_len: 4000 }] }),
    "/v1/completions"(body) {
      const prompts = Array.isArray((body.prompt as unknown[])[0])
        ? (body.prompt as number[][])
        : [body.prompt as number[]];
      if (body.stream) return one(following(prompts[0]!, body.max_tokens as number));
      const most = (count: unknown) => (typeof count === "number" ? count : 0);
      const asked = most(body.logprobs);
      if (asked > limit)
        return new Refusal(`Requested sample logprobs of ${asked}, which is greater than max allowed: ${limit}`);
      const bias = (body.logit_bias ?? {}) as Record<number, number>;
      const choices = prompts.map((ids, index) => {
        const biased = ranked(ids, model.size).map(
          ([logprob, id]) => [logprob + (bias[id] ?? 0), id, logprob] as const,
        );
        const [, token, own] = biased.toSorted(([a], [b]) => b - a)[0]!;
        const byId = (length: number) => {
          const all = ranked(ids.slice(0, length), model.size);
          // The token that stands there is told whether it is likely or not.
          const told = all.filter(([, id], rank) => rank < most(body.prompt_logprobs) || id === ids[length]);
          return Object.fromEntries(told.map(([logprob, id]) => [id, { logprob, rank: 1, decoded_token: "" }]));
        };
        const top = ranked(ids, model.size).slice(0, most(body.logprobs));
        return {
          index,
          text: "",
          token_ids: [token],
          prompt_logprobs: body.prompt_logprobs === undefined ? null : ids.map((_, at) => (at === 0 ? null : byId(at))),
          logprobs:
            body.logprobs === undefined
              ? null
              : {
                  token_logprobs: [own],
                  top_logprobs: [Object.fromEntries(top.map(([logprob, id]) => [`token_id:${id}`, logprob]))],
                },
        };
      });
      // The order of choices is nobody's promise.
      return { choices: choices.reverse() };
    },
  });
