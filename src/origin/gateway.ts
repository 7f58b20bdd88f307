/**
 * The origin around its engine: which generations run, what they leave behind, what is counted, and how it ends. It
 * knows no server. The rest has files of its own: `door.ts` the HTTP routes, `connection.ts` one socket, `queue.ts` who
 * waits, `generation.ts` one answer, `sequences.ts` what is kept between the answers of a session.
 */
import { Compiled, type Held } from "../core/grammar/compiled.ts";
import { Following } from "../core/grammar/following.ts";
import { OutriderError } from "../core/model/errors.ts";
import { bearerOf, isKnown } from "../core/platform/bearer.ts";
import type { Done, Verdict } from "../core/speculate/types.ts";
import type { Health } from "../core/verify/health.ts";
import { type OpenFrame, PROTOCOL_VERSION } from "../core/verify/protocol.ts";
import type { Region } from "../core/verify/region.ts";
import type { TargetEngine } from "./engine.ts";
import { draining, overloaded, unauthorized } from "./errors.ts";
import { breathe, Generation } from "./generation.ts";
import type { Lease } from "./lease.ts";
import { Metrics } from "./metrics.ts";
import { checkOpen, takeUp } from "./opening.ts";
import { Queue } from "./queue.ts";
import { type Limits, Sequences } from "./sequences.ts";

export interface GatewayOptions extends Limits {
  /** Bearer token that callers must send; null lets everybody in. */
  readonly token: string | null;
  /** How long a generation waits for others to end before it is refused as `overloaded`, in ms. */
  readonly queueMs: number;
  /** Where this origin stands, for edges that nobody told. */
  readonly region?: Region | undefined;
  /** Longest patience that an edge may ask for, in ms. */
  readonly mostPatience: number;
  /** Tokens of one answer at most, whatever an edge asks for. */
  readonly maxTokens: number;
  /** Bytes of compiled forms, for all tenants together. */
  readonly formBytes: number;
  /** Called at the end of each generation, with numbers only: nothing of what was said. */
  log?(event: GenerationEvent): void;
  /** Milliseconds of a steady clock. */
  now(): number;
}

/** One generation, for the log. */
export interface GenerationEvent {
  /** Beginning of the session's name, which is a hash. */
  readonly session: string;
  /** Id of the trace that the edge's line of this answer names, too. */
  readonly trace?: string;
  /** Tokens of the prompt. */
  readonly prompt: number;
  /** Of the prompt, tokens that were held already. */
  readonly cached: number;
  readonly decided: number;
  readonly passes: number;
  /** Draft tokens kept. */
  readonly kept: number;
  /** Why it ended: `stop`, `length`, the code of an error, or `closed` by the edge. */
  readonly end: string;
  readonly queuedMs: number;
  readonly ms: number;
}

export const DEFAULT_LIMITS = {
  live: 16,
  kept: 64,
  idleMs: 30 * 60_000,
  queueMs: 10_000,
  mostPatience: 600_000,
  maxTokens: 16_384,
  formBytes: 256 * 1024 * 1024,
} as const;

/** Sockets per generation at work, at most: those that wait for one to end, and those between open and close. */
const SOCKETS_PER_LIVE = 4;
const TRACE = /^00-([0-9a-f]{32})-/;
/** Between two looks at whether all generations have ended. */
const DRAIN_LOOK_MS = 20;

export class Gateway {
  readonly #engine: TargetEngine;
  readonly #options: GatewayOptions;
  readonly #sequences: Sequences;
  readonly #queue: Queue;
  readonly #metrics = new Metrics();
  /** Constraints on this vocabulary; null before the first. */
  #compiled: Compiled | null = null;
  #connections = 0;
  #trapped = false;
  #draining = false;

  constructor(engine: TargetEngine, options: GatewayOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#sequences = new Sequences(engine, options, options.now);
    this.#queue = new Queue(this.#sequences, options);
  }

  get model(): string {
    return this.#engine.model;
  }

  /** As `TargetEngine.hardware`. */
  get hardware(): string | undefined {
    return this.#engine.hardware;
  }

  /** As `Capabilities.moreWith`. */
  get moreWith(): string | undefined {
    return this.#engine.capabilities.moreWith;
  }

  /** False once the engine has trapped: everything it runs will fail until it is loaded again. */
  get healthy(): boolean {
    return !this.#trapped;
  }

  get counts(): { connections: number; live: number; kept: number } {
    return { connections: this.#connections, ...this.#sequences.counts };
  }

  health(): Health {
    const { name, model, vocabulary, context, capabilities } = this.#engine;
    const { size, hash } = vocabulary;
    return {
      status: this.#trapped ? "engine_trapped" : this.#draining ? "draining" : "ok",
      version: PROTOCOL_VERSION,
      model,
      vocabulary: { size, hash },
      engine: name,
      context,
      rules: [...capabilities.rules],
      maxDraft: capabilities.maxDraft,
      tokenRequired: this.#options.token !== null,
      region: this.#options.region ?? null,
      queued: this.#queue.length,
      ...this.counts,
    };
  }

  /** What was done since the start, in Prometheus' text format. */
  metrics(): string {
    const { live: processing, kept, connections } = this.counts;
    return this.#metrics.text({ processing, kept, connections, deferred: this.#queue.length });
  }

  /** Throws `unauthorized` (401) unless the header carries the token, if there is one. */
  async authorise(authorization: string | null): Promise<void> {
    const { token } = this.#options;
    if (token !== null && !(await isKnown(bearerOf(authorization) ?? "", [token]))) throw unauthorized();
  }

  /** Throws `draining` (503) once no new socket is taken, and `overloaded` (429) when there are too many. */
  admit(): void {
    if (this.#draining) throw draining();
    if (this.#connections >= this.#options.live * SOCKETS_PER_LIVE) throw overloaded("connections");
  }

  /** A socket was taken over; `leave` reports its end. */
  enter(): void {
    this.#connections++;
  }

  leave(): void {
    this.#connections--;
  }

  /** A generation that does nothing before `run`, but takes drafts. */
  generation(open: OpenFrame): Generation {
    return new Generation(open, { engine: this.#engine, ...this.#options, load: () => this.#load });
  }

  get #load(): number {
    return Number(((this.counts.live + this.#queue.length) / this.#options.live).toFixed(2));
  }

  /**
   * Runs a generation to its end, or until it was left (null). Rejects with what makes it impossible: an end that has
   * begun, version, model, vocabulary, rule, tokens, length, no free place, an unknown prefix, a session that was taken
   * over, a failing engine.
   * @param traceparent for the log: the caller's trace (W3C Trace Context)
   */
  async run(
    generation: Generation,
    emit: (verdict: Verdict) => void,
    traceparent: string | null = null,
  ): Promise<Done["reason"] | null> {
    const { now } = this.#options;
    const { open, promptTokens } = generation;
    const began = now();
    const claim = {
      tenant: open.tenant ?? "",
      ticket: this.#sequences.ticket(),
      left: () => generation.undecided,
    };
    const { shares } = this.#sequences;
    let lease: Lease | null = null;
    let held: Held | null = null;
    let queuedMs = 0;
    let cached = 0;
    let end = "closed";
    try {
      if (this.#draining) throw draining();
      checkOpen(open, this.#engine);
      held = await this.#constrain(generation);
      shares.enter(claim);
      lease = await this.#queue.lease(generation, claim);
      if (!lease) return null;
      queuedMs = now() - began;
      const granted = lease;
      const known = await generation.work(granted, promptTokens + 1, async () => takeUp(granted.sequence, open));
      if (known === null) return null;
      cached = known;
      shares.charge(claim, promptTokens - cached);
      this.#metrics.began(promptTokens, cached, queuedMs);
      const reason = await generation.decide(lease, (verdict, decision) => {
        this.#metrics.passed(verdict, decision);
        shares.charge(claim, verdict.tokens.length);
        emit(verdict);
      });
      if (reason) end = reason;
      return reason;
    } catch (error) {
      end = error instanceof OutriderError ? error.code : "internal";
      throw error;
    } finally {
      lease?.end();
      held?.leave();
      shares.leave(claim);
      const { decided, passes, kept } = generation;
      const session = open.session.slice(0, 8);
      const ms = now() - began;
      const trace = TRACE.exec(traceparent ?? "")?.[1];
      this.#options.log?.({
        session,
        ...(trace && { trace }),
        prompt: promptTokens,
        cached,
        decided,
        passes,
        kept,
        end,
        queuedMs,
        ms,
      });
    }
  }

  /**
   * Holds the generation to the form that its answer must have; null where it may have any. Rejects where the form
   * cannot be enforced, and with `overloaded` while others take all the room.
   */
  async #constrain(generation: Generation): Promise<Held | null> {
    const { constraint, stop, tenant = "" } = generation.open;
    const { size, tokenizer } = this.#engine.vocabulary;
    if (!constraint || !tokenizer) return null;
    if (!this.#compiled) {
      const read = await tokenizer();
      // Others may have waited for their own, since in a Worker no request may wait for another's.
      const { now, formBytes } = this.#options;
      this.#compiled ??= new Compiled({ size, bytesOf: (id) => read.bytesOf(id) }, formBytes, { pause: breathe, now });
    }
    const held = await this.#compiled.of(constraint.source, tenant);
    if (!held) throw overloaded("forms at work");
    generation.constrain(new Following(held.constraint, constraint.from, stop));
    return held;
  }

  /** Counts an error that a caller is about to receive. */
  failed(error: unknown): void {
    const code = error instanceof OutriderError ? error.code : "internal";
    if (code === "engine_trapped") this.#trapped = true;
    this.#metrics.failed(code);
  }

  /** Refuses what is new and resolves when the generations at work have ended, or after `ms`. */
  async drain(ms: number): Promise<void> {
    this.#draining = true;
    const until = this.#options.now() + ms;
    while (this.counts.live + this.#queue.length > 0 && this.#options.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_LOOK_MS));
    }
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
}
