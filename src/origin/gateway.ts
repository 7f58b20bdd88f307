/**
 * The origin's door: who may come in, how many at once, and whether what they ask can be done. It knows the wire and
 * Web-standard requests, but no server: `node.ts` and `embedded/worker.ts` bring it requests, and `connection.ts` sockets. What happens inside a generation
 * is `scheduler.ts`, what is kept between generations is `sequences.ts`.
 *
 *   GET  /health      what is served and how busy it is
 *   GET  /metrics     what was done since the start, for Prometheus
 *   GET  /v1/verify   upgrade to a WebSocket: one generation
 *   POST /v1/verify   one target pass: {open, draft} → a verdict, with `reason` when it ends the answer
 */
import { OutriderError } from "../model/errors.ts";
import { bearerOf, isKnown } from "../platform/bearer.ts";
import { beginningOf } from "../speculate/draft-tokens.ts";
import type { DraftTokens, Verdict } from "../speculate/types.ts";
import type { Health } from "../verify/health.ts";
import { decodeVerifyBody, MAX_FRAME_CHARS, type OpenFrame, PROTOCOL_VERSION } from "../verify/protocol.ts";
import { Drafts } from "./drafts.ts";
import type { TargetEngine } from "./engine.ts";
import { errorResponse } from "./failure.ts";
import { through } from "./leased.ts";
import { Metrics } from "./metrics.ts";
import { checkOpen, takeUp } from "./opening.ts";
import { draining, noRoute, overloaded } from "./refusals.ts";
import { decideAll, type Ended } from "./scheduler.ts";
import { type Lease, type Limits, Sequences, taken } from "./sequences.ts";

export interface GatewayOptions extends Limits {
  /** Bearer token that callers must send; null lets everybody in. */ readonly token: string | null;
  /** How long an `open` waits for room before it is refused as overloaded, in ms. */ readonly queueMs: number;
  /** Longest patience that an edge may ask for, in ms. */ readonly mostPatience: number;
  /** Told of each generation at its end, in numbers: nothing of what was said. */ log?(event: GenerationEvent): void;
  /** Milliseconds of a steady clock. */ now(): number;
}

/** One generation, for the log. */
export interface GenerationEvent {
  /** Beginning of the session's name, which is a hash. */ readonly session: string;
  readonly prompt: number;
  /** Of the prompt, tokens that were held already. */ readonly cached: number;
  readonly decided: number;
  readonly passes: number;
  readonly kept: number;
  /** Why it ended: a reason, the code of an error, or `closed` by the edge. */ readonly end: string;
  readonly queuedMs: number;
  readonly ms: number;
}

export const DEFAULT_LIMITS = {
  live: 16,
  kept: 64,
  idleMs: 30 * 60_000,
  queueMs: 10_000,
  mostPatience: 600_000,
} as const;

/** Sockets per generation at work, at most: those waiting for room, and those between open and close. */
const SOCKETS_PER_LIVE = 4;
const QUEUE_LOOK_MS = 20;
/** Beyond its patience, how long a generation may go without a pass before it is taken for dead. */
const DEAD_MS = 120_000;

export class Gateway {
  readonly #engine: TargetEngine;
  readonly #options: GatewayOptions;
  readonly #sequences: Sequences;
  readonly #metrics = new Metrics();
  #connections = 0;
  #waiting = 0;
  #trapped = false;
  #draining = false;

  constructor(engine: TargetEngine, options: GatewayOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#sequences = new Sequences(engine, options, options.now);
  }

  get model(): string {
    return this.#engine.model;
  }

  /** False once the engine has trapped: everything it runs will fail until it is loaded again. */
  get healthy(): boolean {
    return !this.#trapped;
  }

  get counts(): { connections: number; live: number; kept: number } {
    return { connections: this.#connections, ...this.#sequences.counts };
  }

  /** Whether an upgrade may go ahead: null, or the response that refuses it. */
  async refuse(request: { readonly path: string; readonly authorization: string | null }): Promise<Response | null> {
    try {
      if (request.path !== "/v1/verify") throw noRoute(request.path);
      await this.#authorise(request.authorization);
      if (this.#draining) throw draining();
      if (this.#connections >= this.#options.live * SOCKETS_PER_LIVE) throw overloaded("connections");
      return null;
    } catch (error) {
      return errorResponse(this.#seen(error));
    }
  }

  /** A socket was taken over; `left` says that it is gone. */
  entered(): void {
    this.#connections++;
  }

  left(): void {
    this.#connections--;
  }

  /** Answers everything that is not an upgrade. */
  async handle(request: Request): Promise<Response> {
    try {
      const { pathname } = new URL(request.url);
      if (pathname === "/health" && request.method === "GET") return this.#health();
      if (pathname === "/metrics" && request.method === "GET") {
        await this.#authorise(request.headers.get("authorization"));
        return this.#report();
      }
      if (pathname !== "/v1/verify" || request.method !== "POST") throw noRoute(`${request.method} ${pathname}`);
      await this.#authorise(request.headers.get("authorization"));
      if (this.#draining) throw draining();
      const { open, draft } = decodeVerifyBody(await bodyOf(request));
      const drafts = this.drafts();
      drafts.put({ position: open.keep + open.prompt.length, ...this.validPart({ tokens: draft }) });
      let verdict: Verdict | null = null;
      const ended = await this.generate(
        open,
        drafts,
        () => verdict === null && !request.signal.aborted,
        (first) => {
          verdict = first;
        },
      );
      if (!verdict) throw new OutriderError("closed", "the caller went away before the pass", { status: 499 });
      return Response.json({ type: "verdict", ...(verdict as Verdict), reason: ended?.reason ?? null });
    } catch (error) {
      return errorResponse(this.#seen(error));
    }
  }

  /**
   * Runs a generation to its end, or until `alive` says no (null). Rejects with what makes it impossible: version, model,
   * vocabulary, rule, tokens, length, room, an unknown prefix, a session that was taken over, a failing engine.
   */
  async generate(
    open: OpenFrame,
    drafts: Drafts,
    alive: () => boolean,
    emit: (verdict: Verdict) => void,
  ): Promise<Ended | null> {
    const { now } = this.#options;
    const began = now();
    let [kept, decided, passes, cached, queuedMs, end] = [0, 0, 0, 0, 0, "closed"];
    let lease: Lease | null = null;
    try {
      checkOpen(open, this.#engine);
      lease = await this.#lend(open, alive);
      if (!lease) return null;
      queuedMs = now() - began;
      const { sequence } = lease;
      cached = await lease.pass(async () => takeUp(sequence, open));
      this.#metrics.began(open.keep + open.prompt.length, cached, queuedMs);
      const { capabilities } = this.#engine;
      const task = {
        sampling: open.sampling,
        rule: open.rule,
        stop: new Set(open.stop),
        patience: open.patience,
        mostPatience: this.#options.mostPatience,
        maxTokens: open.maxTokens,
        context: this.#engine.context,
        maxDraft: capabilities.drafted(open.sampling) ? capabilities.maxDraft : 0,
        siblings: capabilities.siblings,
      };
      const ended = await decideAll(through(lease), task, drafts, {
        alive: ours(lease, alive),
        emit: (verdict, engineCached) => {
          this.#metrics.passed(verdict.passes - passes, verdict, engineCached);
          kept += verdict.kept;
          decided += verdict.tokens.length;
          passes = verdict.passes;
          emit(verdict);
        },
        now,
      });
      if (ended) end = ended.reason;
      return ended;
    } catch (error) {
      end = error instanceof OutriderError ? error.code : "internal";
      throw this.#seen(error);
    } finally {
      lease?.end();
      const prompt = open.keep + open.prompt.length;
      const session = open.session.slice(0, 8);
      this.#options.log?.({ session, prompt, cached, decided, passes, kept, end, queuedMs, ms: now() - began });
    }
  }

  /** An empty box for the drafts of one generation. */
  drafts(): Drafts {
    return new Drafts(this.#options.now);
  }

  /** The part of a draft before the first id that the vocabulary lacks: that cannot be kept, and is no reason to fail. */
  validPart(draft: DraftTokens): DraftTokens {
    return beginningOf(draft, draft.tokens.length, (id) => id < this.#engine.vocabulary.size);
  }

  /** Refuses what is new and resolves when the generations at work have ended, or after `ms`. */
  async drain(ms: number): Promise<void> {
    this.#draining = true;
    const until = this.#options.now() + ms;
    while (this.counts.live + this.#waiting > 0 && this.#options.now() < until) await looked();
  }

  /** Forgets sessions that have been idle for too long; to be called now and then. */
  expire(): void {
    this.#sequences.expire();
  }

  /** Gives back all memory, the engine's too. */
  async close(): Promise<void> {
    this.#sequences.close();
    await this.#engine.close?.();
  }

  #health(): Response {
    const { name, model, vocabulary, context, capabilities } = this.#engine;
    const { size, hash } = vocabulary;
    const health: Health = {
      status: this.#trapped ? "engine_trapped" : this.#draining ? "draining" : "ok",
      version: PROTOCOL_VERSION,
      model,
      vocabulary: { size, hash },
      engine: name,
      context,
      rules: [...capabilities.rules],
      maxDraft: capabilities.maxDraft,
      tokenRequired: this.#options.token !== null,
      queued: this.#waiting,
      ...this.counts,
    };
    return Response.json(health, { status: health.status === "ok" ? 200 : 503 });
  }

  #report(): Response {
    const { live: processing, kept, connections } = this.counts;
    const text = this.#metrics.text({ processing, kept, connections, deferred: this.#waiting });
    return new Response(text, { headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" } });
  }

  async #authorise(authorization: string | null): Promise<void> {
    const { token } = this.#options;
    if (token === null || (await isKnown(bearerOf(authorization) ?? "", [token]))) return;
    throw new OutriderError("unauthorized", "this origin needs its bearer token in the authorization header", {
      status: 401,
    });
  }

  async #lend(open: OpenFrame, alive: () => boolean): Promise<Lease | null> {
    const tokens = Math.min(this.#engine.context, open.keep + open.prompt.length + open.maxTokens);
    const ticket = this.#sequences.ticket();
    const until = this.#options.now() + this.#options.queueMs;
    this.#waiting++;
    try {
      while (alive()) {
        const lease = await this.#sequences.lend(open.session, ticket, tokens, open.patience + DEAD_MS);
        if (lease) return lease;
        if (this.#options.now() >= until) throw overloaded("generations");
        await looked();
      }
      return null;
    } finally {
      this.#waiting--;
    }
  }

  #seen(error: unknown): unknown {
    const code = error instanceof OutriderError ? error.code : "internal";
    if (code === "engine_trapped") this.#trapped = true;
    this.#metrics.failed(code);
    return error;
  }
}

/** The body as text. Reads no further than the limit; a longer one is refused with 413. */
async function bodyOf({ body }: Request): Promise<string> {
  let text = "";
  for await (const part of (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.length > MAX_FRAME_CHARS) {
      throw new OutriderError("body_too_large", `the limit for a body is ${MAX_FRAME_CHARS} characters`, {
        status: 413,
      });
    }
  }
  return text;
}

/** Whether a generation may go on. Throws once another connection took its session. */
const ours = (lease: Lease, alive: () => boolean) => () => {
  if (!lease.holds) throw taken();
  return alive();
};

const looked = () => new Promise((resolve) => setTimeout(resolve, QUEUE_LOOK_MS));
