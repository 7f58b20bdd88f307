/**
 * The two Workers of this repository in workerd, edge and embedded origin, under Miniflare, as bundle.ts built them; on
 * the tiny model unless a test names other packs. Tests talk to them over sockets, evict Sessions and look into their
 * storage.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertV4MiniflareOptions, Miniflare, NoOpLog, type V4WorkerOptions } from "miniflare";
import OpenAI from "openai";
import { inject } from "vitest";
import { assembleEdge, describeTarget } from "../../src/tools/service/assets.ts";
import { TINY_PACKS } from "../support/tiny.ts";

/** Settings and secrets of a Worker. */
type Vars = Readonly<Record<string, string | number>>;

export interface Options {
  readonly edge?: Vars;
  readonly origin?: Vars;
  /** Requests a minute of a stranger's address; without it, the edge has no limiter. */
  readonly strangers?: number;
  /** False: no origin is bound to the edge. */
  readonly withOrigin?: boolean;
  /** A folder for what is stored, which stays; a temporary one unless given. */
  readonly state?: string;
  /** Gets every line that the Workers log. */
  readonly log?: (line: string) => void;
  /** Directories of other packs than the tiny ones. */
  readonly packs?: {
    readonly target: string;
    /** Null: an edge without weights. */
    readonly draft: string | null;
  };
}

export interface Running {
  readonly url: string;
  /** POSTs a JSON body to a route of the edge. */
  post(route: string, body: unknown, init?: RequestInit): Promise<Response>;
  /** What the embedded origin's /health returns. */
  originHealth(): Promise<{ live: number; connections: number }>;
  /** Evicts the Session of that name, as happens to idle ones. */
  evict(session: string): Promise<void>;
  /** The same by id, as `sessionIds` tells them. */
  evictById(id: string): Promise<void>;
  /** Runs SQL in the Session's storage. */
  sql(session: string, query: string, ...bindings: unknown[]): Promise<Record<string, unknown>[]>;
  /** Ids of the Sessions that were ever used. */
  sessionIds(): Promise<string[]>;
  close(): Promise<void>;
}

const EDGE = "outrider";
const ORIGIN = "outrider-origin";

/** An edge Worker: `assets` hold page and draft, `embedded` whether it is bound to the embedded origin. */
export function edgeWorker(assets: string, vars: Vars, embedded: boolean, name = EDGE): V4WorkerOptions {
  const { assets: settings, ...edge } = inject("bundles").edge;
  return {
    ...edge,
    name,
    // As `outrider start` sets it on this machine.
    bindings: { SHOW_CACHED: "true", ...vars },
    assets: { ...(settings as object), directory: assets },
    serviceBindings: embedded ? { ORIGIN } : {},
  };
}

/** The embedded origin on a target's pack. */
export function originWorker(pack: string, vars: Vars): V4WorkerOptions {
  const { assets, bindings, ...origin } = inject("bundles").origin;
  return {
    ...origin,
    name: ORIGIN,
    bindings: { ...(bindings as Vars), ...vars },
    assets: { ...(assets as object), directory: pack },
  };
}

/** Workers in a workerd of their own; the first answers at the URL. */
export async function startWorkers(
  workers: V4WorkerOptions[],
  { state, log = () => {} }: Pick<Options, "state" | "log"> = {},
) {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      workers,
      host: "127.0.0.1",
      port: 0,
      unsafeInspectDurableObjects: true,
      ...(state !== undefined && { resourcePersistencePath: state }),
      // No call home for request.cf, and nothing of what Workers log among the tests' results.
      cf: false,
      log: new NoOpLog(),
      handleStructuredLogs: ({ message }) => log(message),
    }),
  );
  const { origin } = await miniflare.ready;
  return { url: origin, miniflare };
}

/** One of the Workers, asked directly. Miniflare's own type for it needs the declarations of workerd's globals. */
export const workerOf = async (miniflare: Miniflare, name: string) =>
  (await miniflare.getWorker(name)) as unknown as { fetch(url: string, init?: RequestInit): Promise<Response> };

const limiter = (limit: number | undefined): object =>
  limit === undefined ? {} : { ratelimits: { STRANGERS: { namespace_id: "1", simple: { limit, period: 60 } } } };

/** OpenAI's SDK before a service. It tries nothing twice, so that a test sees each answer. */
export const openaiOf = ({ url }: Pick<Running, "url">, apiKey = "none needed"): OpenAI =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });

export async function start(options: Options = {}): Promise<Running> {
  const { packs = TINY_PACKS, withOrigin = true } = options;
  const assets = mkdtempSync(join(tmpdir(), "outrider-assets-"));
  await assembleEdge(await describeTarget(packs.draft ?? packs.target), packs.draft, assets);
  const workers = [
    { ...edgeWorker(assets, { ...options.edge }, withOrigin), ...limiter(options.strangers) },
    ...(withOrigin ? [originWorker(packs.target, { ...options.origin })] : []),
  ];
  const { url, miniflare } = await startWorkers(workers, options);
  return {
    url,
    post: (route, body, init = {}) =>
      fetch(url + route, {
        method: "POST",
        ...init,
        headers: { "content-type": "application/json", ...init.headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    originHealth: async () => {
      const response = await (await workerOf(miniflare, ORIGIN)).fetch("http://origin/health");
      return (await response.json()) as { live: number; connections: number };
    },
    evictById: (id) => miniflare.unsafeEvictDurableObject(EDGE, "Session", { id }),
    evict: (name) => miniflare.unsafeEvictDurableObject(EDGE, "Session", { name }),
    sql: async (name, query, ...bindings) => {
      const storage = await miniflare.unsafeGetDurableObjectStorage(EDGE, "Session", { name });
      return await storage.exec(query, ...(bindings as string[]));
    },
    sessionIds: () => miniflare.listDurableObjectIds("SESSION", EDGE),
    close: async () => {
      await miniflare.dispose();
      rmSync(assets, { recursive: true, force: true });
    },
  };
}

/** A completion as a client reads it, both kinds in one. */
export interface Answer {
  readonly id: string;
  readonly choices: readonly [
    {
      readonly message: { readonly content: string };
      readonly text: string;
      readonly finish_reason: string;
      /** Of chat. */
      readonly logprobs: {
        readonly content: readonly { logprob: number; top_logprobs: readonly { logprob: number }[] }[];
      } | null;
    },
  ];
  readonly usage: Record<"prompt_tokens" | "completion_tokens" | "total_tokens", number> & {
    readonly prompt_tokens_details: { readonly cached_tokens: number };
  };
  readonly timings: Record<
    | "cache_n"
    | "prompt_n"
    | "prompt_ms"
    | "predicted_n"
    | "draft_n"
    | "draft_n_judged"
    | "draft_read_n"
    | "draft_n_thrown"
    | "predicted_ms"
    | "draft_n_accepted"
    | "target_passes",
    number
  >;
  readonly outrider: {
    readonly seed: number;
    readonly draft: string;
    readonly draft_cache_n: number;
    readonly cost?: {
      readonly draft_step_n: number;
      readonly draft_prefill_n: number;
      readonly cpu_ms: number;
      readonly cpu_spent?: true;
      readonly rows_written: number;
      readonly stored_bytes: number;
      readonly usd_per_million_tokens: number;
    };
    readonly tokens: readonly { readonly id: number; readonly text: string; readonly kept: boolean }[];
  };
}

/** The body of a 200. Throws what the body of anything else says. */
export async function answerOf(response: Response | Promise<Response>): Promise<Answer & { readonly text: string }> {
  const settled = await response;
  const body = (await settled.json()) as Answer & { error: { message: string } };
  if (!settled.ok) throw new Error(`${settled.status}: ${body.error.message}`);
  const choice = body.choices[0] as Answer["choices"][number];
  return { ...body, text: choice.message?.content ?? choice.text };
}

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
