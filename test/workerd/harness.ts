/**
 * The two Workers of this repository in workerd, edge and embedded origin, on the tiny model. Their settings are
 * those of `outrider start`. Tests talk to them over sockets, and may evict Sessions and look into storage.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestHarness, type TestHarness } from "wrangler";
import { assembleAssets } from "../../src/commands/start.ts";
import { writeSettings } from "../../src/service/settings.ts";
import { TINY_PACKS } from "../support/tiny.ts";

process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
process.env.WRANGLER_SEND_METRICS = "false";

export interface Options {
  /** Secrets and settings of the edge. */ readonly edge?: Readonly<Record<string, string>>;
  readonly origin?: Readonly<Record<string, string>>;
  /** False: there is no origin at all. */ readonly withOrigin?: boolean;
  /** Directories of other packs than the tiny ones. */ readonly packs?: {
    readonly target: string;
    readonly draft: string;
  };
}

export interface Running {
  readonly url: string;
  readonly harness: TestHarness;
  /** POSTs a JSON body to a route of the edge. */
  post(route: string, body: unknown, init?: RequestInit): Promise<Response>;
  /** What the origin's /health says. */ originHealth(): Promise<{ live: number; connections: number }>;
  /** Evicts the Session of that name, as happens to idle ones. */ evict(session: string): Promise<void>;
  /** Runs SQL in the Session's storage. */
  sql(session: string, query: string, ...bindings: unknown[]): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

export async function start(options: Options = {}): Promise<Running> {
  const home = mkdtempSync(join(tmpdir(), "outrider-workerd-"));
  const { target, draft } = options.packs ?? TINY_PACKS;
  const edgeAssets = join(home, "assets");
  assembleAssets(draft, edgeAssets);
  const withOrigin = options.withOrigin ?? true;
  const origin = withOrigin ? { pack: target } : null;
  const secrets = [{ ...options.edge }, { ...options.origin }];
  const harness = createTestHarness({
    workers: writeSettings({ edgeAssets, origin }, home).map((configPath, n) => ({ configPath, secrets: secrets[n] })),
  });
  const { url } = await harness.listen();
  const base = url.href.replace(/\/$/, "");
  return {
    url: base,
    harness,
    post: (route, body, init = {}) =>
      fetch(base + route, {
        method: "POST",
        ...init,
        headers: { "content-type": "application/json", ...init.headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    originHealth: async () =>
      (await (await harness.getWorker("outrider-origin").fetch("/health")).json()) as {
        live: number;
        connections: number;
      },
    evict: (name) => harness.getWorker("outrider").evictDurableObject("Session", { name }),
    sql: async (name, query, ...bindings) => {
      const storage = await harness.getWorker("outrider").getDurableObjectStorage("Session", { name });
      return (await storage.exec(query, ...(bindings as string[]))) as Record<string, unknown>[];
    },
    close: async () => {
      await harness.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** A completion as a client reads it, both kinds in one. */
export interface Answer {
  readonly id: string;
  readonly choices: readonly { readonly message: { readonly content: string }; readonly text: string }[];
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
    | "draft_n_accepted"
    | "target_passes",
    number
  >;
  readonly outrider: {
    readonly seed: number;
    readonly draft_cache_n: number;
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
