/**
 * An edge whose answers a test writes itself: the page as it is built, with its own headers, and an API that says what
 * it is told, when it is told. So what the page shows between two tokens can be looked at, and pictures are always the
 * same.
 */
import { existsSync, readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";

const { default: buildPage } = (await import("../../src/page/build.js" as string)) as { default(): Promise<void> };

const ROOT = join(import.meta.dirname, "../..");
const PAGE = join(ROOT, "dist/page");
/** For tests that call a module of the page alone. */
const MODULES = join(ROOT, "src/page");
const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** A token of an answer: its text; whether it was drafted; what was rejected in its place; the pass that decided it. */
export type Said = readonly [text: string, kept: boolean, pass: number, rejected?: readonly string[]];

export interface Asked {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly seed?: number;
  readonly outrider: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** One answer on its way to the page. */
export class Answering {
  readonly asked: Asked;
  readonly session: string;
  readonly authorization: unknown;
  readonly #response: ServerResponse;
  #text = "";
  #said: Said[] = [];

  constructor(asked: Asked, headers: NodeJS.Dict<string | string[]>, response: ServerResponse) {
    this.asked = asked;
    this.session = String(headers["x-session-affinity"]);
    this.authorization = headers.authorization;
    this.#response = response;
  }

  say(...said: Said[]): void {
    if (!this.#response.headersSent) this.#response.writeHead(200, { "content-type": "text/event-stream" });
    const text = said.map(([part]) => part).join("");
    this.#text += text;
    this.#said.push(...said);
    const tokens = said.map(([part, kept, pass, rejected], id) => ({
      ...{ id, text: part, kept, pass },
      ...(rejected && { rejected }),
    }));
    this.#send({ choices: [{ index: 0, delta: { content: text }, finish_reason: null }], outrider: { tokens } });
  }

  /** The end of the answer, with figures that follow from what was said. */
  end(finish: "stop" | "length" = "stop", account: object = {}): void {
    const kept = this.#said.filter(([, drafted]) => drafted).length;
    const judged = this.#said.filter(([, drafted, , rejected]) => drafted || rejected).length;
    const drafting = this.asked.outrider.draft !== "off";
    const timings = {
      ...{ cache_n: 0, prompt_n: 30, prompt_ms: 84, predicted_n: this.#said.length, predicted_ms: 1200 },
      predicted_per_second: drafting ? 48.2 : 31.4,
      ...{ draft_n: drafting ? 2 * judged : 0, draft_n_judged: judged, draft_n_accepted: kept, draft_n_thrown: 3 },
      ...{ draft_read_n: 40, target_passes: this.#said.at(-1)?.[2] ?? 1 },
    };
    const measured = {
      ...{ round_trip_ms: 24.2, target_step_ms: 21, position_ms: 0.4, draft_step_ms: 3.1 },
      ...{ acceptance: 0.74, break_even_ms: 61 },
    };
    const outrider = {
      ...{ seed: this.asked.seed ?? 1234567, draft: this.asked.outrider.draft ?? "both" },
      ...{ patience_ms: drafting ? 40 : 0, draft_cache_n: 0, cost: COST },
      ...(drafting && { measured }),
      ...account,
    };
    this.#send({ choices: [{ index: 0, delta: {}, finish_reason: finish }], timings, outrider });
    this.#response.end("data: [DONE]\n\n");
  }

  refuse(status: number, message: string, headers: Record<string, string> = {}): void {
    this.#response.writeHead(status, { "content-type": "application/json", ...headers });
    this.#response.end(JSON.stringify({ error: { message } }));
  }

  /** The connection is lost. */
  breakOff(): void {
    this.#response.destroy();
  }

  /** Resolves when the page has left. */
  get left(): Promise<void> {
    if (this.#response.closed) return Promise.resolve();
    return new Promise((resolve) => this.#response.on("close", () => resolve()));
  }

  get text(): string {
    return this.#text;
  }

  #send(chunk: object): void {
    this.#response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  }
}

const COST = {
  ...{ draft_step_n: 60, draft_prefill_n: 30, cpu_ms: 190, rows_written: 2, stored_bytes: 400 },
  ...{ usd_per_million_tokens: 0.184, prices_of: "2026-11-26" },
};

export interface Scripted {
  readonly url: string;
  /** Requests that no test has answered yet, the first to be the next. */
  next(): Promise<Answering>;
  /** Paths that were asked for. */
  readonly paths: string[];
  examples: readonly string[];
  close(): Promise<void>;
}

export async function scripted(): Promise<Scripted> {
  const waiting: Answering[] = [];
  let wake: () => void = () => {};
  await buildPage();
  const headers = pageHeaders();
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://page").pathname;
    edge.paths.push(path);
    const json = (value: unknown) => response.setHeader("content-type", "application/json").end(JSON.stringify(value));
    if (path === "/v1/models") return json({ data: [{ id: "qwen2.5-coder-1.5b" }] });
    if (path === "/examples.json") return json(edge.examples);
    if (path === "/notice.json") return json({ text: null });
    if (path === "/v1/chat/completions") {
      let body = "";
      for await (const part of request) body += part;
      waiting.push(new Answering(JSON.parse(body), request.headers, response));
      return wake();
    }
    for (const [name, value] of headers) response.setHeader(name, value);
    const name = path === "/" ? "index.html" : path;
    const file = join(existsSync(join(PAGE, name)) ? PAGE : MODULES, name);
    try {
      const content = readFileSync(file);
      response.setHeader("content-type", TYPES[extname(file)] ?? "text/plain").end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const edge: Scripted = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    paths: [],
    examples: [],
    async next() {
      while (waiting.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return waiting.shift() as Answering;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return edge;
}

/** The headers that `_headers` sets on every file. */
function pageHeaders(): [string, string][] {
  const [, all = ""] = /^\/\*\n((?: .*\n)+)/m.exec(readFileSync(join(PAGE, "_headers"), "utf8")) ?? [];
  return all
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/: (.*)/s) as [string, string]);
}
