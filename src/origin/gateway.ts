/**
 * The origin's door: who may come in, how many at once, and whether what they ask can be done. It knows the wire and
 * Web-standard requests, but no server: `node.ts` and `embedded/worker.ts` bring it requests, and `connection.ts` sockets. What happens inside a generation
 * is `scheduler.ts`, what is kept between generations is `sequences.ts`.
 *
 *   GET  /health      what is served and how busy it is
 *   GET  /v1/verify   upgrade to a WebSocket: one generation
 *   POST /v1/verify   one target pass: {open, draft} → a verdict, with `reason` when it ends the answer
 */
import { OutriderError } from "../model/errors.ts";
import { commonPrefix } from "../model/timeline.ts";
import type { Verdict } from "../speculate/types.ts";
import {
  decodeVerifyBody,
  MAX_FRAME_CHARS,
  type OpenFrame,
  PROTOCOL_VERSION,
  timelineHash,
} from "../verify/protocol.ts";
import { bearerMatches } from "./bearer.ts";
import { Drafts } from "./drafts.ts";
import type { TargetEngine } from "./engine.ts";
import { errorResponse } from "./failure.ts";
import { decideAll, type Ended, type Ties } from "./scheduler.ts";
import { type Lease, type Limits, Sequences, taken } from "./sequences.ts";

export interface GatewayOptions extends Limits {
  /** Bearer token that callers must send; null lets everybody in. */ readonly token: string | null;
  /** How long an `open` waits for room before it is refused as overloaded, in ms. */ readonly queueMs: number;
  /** Milliseconds of a steady clock. */ now(): number;
}

export const DEFAULT_LIMITS = { live: 16, kept: 64, queueMs: 10_000 } as const;

/** Sockets per generation at work, at most: those waiting for room, and those between open and close. */
const SOCKETS_PER_LIVE = 4;
const QUEUE_LOOK_MS = 20;
/** Beyond its patience, how long a generation may go without a pass before it is taken for dead. */
const DEAD_MS = 120_000;

export class Gateway {
  readonly #engine: TargetEngine;
  readonly #options: GatewayOptions;
  readonly #sequences: Sequences;
  #connections = 0;
  #trapped = false;

  constructor(engine: TargetEngine, options: GatewayOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#sequences = new Sequences(engine, options, options.now);
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
      if (this.#connections >= this.#options.live * SOCKETS_PER_LIVE) throw overloaded("connections");
      return null;
    } catch (error) {
      return errorResponse(error);
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
      if (pathname !== "/v1/verify" || request.method !== "POST") throw noRoute(`${request.method} ${pathname}`);
      await this.#authorise(request.headers.get("authorization"));
      const text = await request.text();
      if (text.length > MAX_FRAME_CHARS) {
        throw new OutriderError("body_too_large", `the limit for a body is ${MAX_FRAME_CHARS} characters`, {
          status: 413,
        });
      }
      const { open, draft } = decodeVerifyBody(text);
      const drafts = this.drafts();
      drafts.put({ position: open.keep + open.prompt.length, tokens: this.validPart(draft) });
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
    this.#check(open);
    const lease = await this.#lend(open, alive);
    if (!lease) return null;
    try {
      await lease.pass(async () => takeUp(lease.sequence, open));
      const { maxDraft } = this.#engine.capabilities;
      const task = {
        sampling: open.sampling,
        rule: open.rule,
        stop: new Set(open.stop),
        patience: open.patience,
        maxTokens: open.maxTokens,
        context: this.#engine.context,
        maxDraft,
      };
      const { sequence } = lease;
      const held = {
        timeline: sequence.timeline,
        prefill: () => lease.pass(() => sequence.prefill()),
        decide: (...args: Parameters<typeof sequence.decide>) => lease.pass(() => sequence.decide(...args)),
      };
      const stillOurs = () => {
        if (!lease.holds) throw taken();
        return alive();
      };
      const ties: Ties = { alive: stillOurs, emit, now: this.#options.now };
      return await decideAll(held, task, drafts, ties);
    } catch (error) {
      throw this.#seen(error);
    } finally {
      lease.end();
    }
  }

  /** An empty box for the drafts of one generation. */
  drafts(): Drafts {
    return new Drafts(this.#options.now);
  }

  /** The part of a draft before the first id that the vocabulary lacks: it cannot be kept, and is no reason to fail. */
  validPart(tokens: readonly number[]): readonly number[] {
    const bad = tokens.findIndex((token) => token >= this.#engine.vocabulary.size);
    return bad < 0 ? tokens : tokens.slice(0, bad);
  }

  close(): void {
    this.#sequences.close();
  }

  #health(): Response {
    const { model, vocabulary, context, capabilities } = this.#engine;
    const { rules, maxDraft } = capabilities;
    return Response.json(
      {
        status: this.healthy ? "ok" : "engine_trapped",
        version: PROTOCOL_VERSION,
        model,
        vocabulary: vocabulary.hash,
        context,
        rules,
        maxDraft,
        ...this.counts,
      },
      { status: this.healthy ? 200 : 503 },
    );
  }

  async #authorise(authorization: string | null): Promise<void> {
    const { token } = this.#options;
    if (token === null || (await bearerMatches(authorization, token))) return;
    throw new OutriderError("unauthorized", "this origin needs its bearer token in the authorization header", {
      status: 401,
    });
  }

  #check(open: OpenFrame): void {
    const { model, vocabulary, context, capabilities } = this.#engine;
    const refuse = (code: string, message: string): never => {
      throw new OutriderError(code, message);
    };
    if (open.version !== PROTOCOL_VERSION) {
      refuse(
        "unsupported_version",
        `this origin speaks protocol version ${PROTOCOL_VERSION}, not ${open.version}; update the older side`,
      );
    }
    if (open.model !== model) refuse("unknown_model", `this origin serves "${model}", not "${open.model}"`);
    if (open.vocabulary !== vocabulary.hash) {
      refuse(
        "vocabulary_mismatch",
        `the draft's vocabulary differs from that of "${model}"; make the draft from this target`,
      );
    }
    if (!capabilities.rules.includes(open.rule.kind)) {
      refuse("unsupported_rule", `this engine has no "${open.rule.kind}" rule, only ${capabilities.rules.join(", ")}`);
    }
    const bad = open.prompt.find((token) => token >= vocabulary.size);
    if (bad !== undefined) refuse("bad_token", `token ${bad} is outside the vocabulary of ${vocabulary.size}`);
    const length = open.keep + open.prompt.length;
    if (length === 0) refuse("empty_prompt", "the timeline is empty; send at least one token");
    if (length >= context) {
      refuse(
        "context_exceeded",
        `the timeline has ${length} tokens; the limit is ${context}, and one must be left to decide`,
      );
    }
  }

  async #lend(open: OpenFrame, alive: () => boolean): Promise<Lease | null> {
    const tokens = Math.min(this.#engine.context, open.keep + open.prompt.length + open.maxTokens);
    const ticket = this.#sequences.ticket();
    const until = this.#options.now() + this.#options.queueMs;
    while (alive()) {
      const lease = await this.#sequences.lend(open.session, ticket, tokens, open.patience + DEAD_MS);
      if (lease) return lease;
      if (this.#options.now() >= until) throw overloaded("generations");
      await new Promise((resolve) => setTimeout(resolve, QUEUE_LOOK_MS));
    }
    return null;
  }

  #seen(error: unknown): unknown {
    if (error instanceof OutriderError && error.code === "engine_trapped") this.#trapped = true;
    return error;
  }
}

/** Brings a session's sequence to the timeline that `open` describes. Throws `prefix_unknown`. */
function takeUp(sequence: Lease["sequence"], { keep, keepHash, prompt }: OpenFrame): void {
  const { timeline } = sequence;
  if (keep > 0) {
    if (timeline.length < keep || timelineHash(timeline.slice(0, keep)) !== keepHash) {
      throw new OutriderError(
        "prefix_unknown",
        `the origin does not hold these ${keep} tokens of the session; send the whole timeline`,
        {
          status: 409,
          retryable: true,
        },
      );
    }
  }
  const common = commonPrefix(timeline.slice(keep), prompt);
  sequence.cut(keep + common);
  sequence.append(prompt.slice(common));
}

const noRoute = (what: string) =>
  new OutriderError("not_found", `no such route: ${what}; an origin has GET /health and /v1/verify`, { status: 404 });

const overloaded = (what: string) =>
  new OutriderError("overloaded", `the origin has as many ${what} as it can serve; try again in a second`, {
    status: 429,
    retryable: true,
  });
