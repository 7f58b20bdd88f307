/**
 * One conversation: its timeline, its draft's KV state, one turn at a time. A Durable Object may lose its memory between any
 * two requests (idle for a minute or two, deploys); what a turn leaves behind is in SQLite by the time the next one starts.
 * The loop itself is speculate/round.ts; how answers look on the wire is reply.ts and stream.ts.
 */
import { DurableObject } from "cloudflare:workers";
import type { KvCache } from "../draft/cache.ts";
import type { Llama } from "../draft/llama.ts";
import { OutriderError } from "../model/errors.ts";
import { History } from "../speculate/history.ts";
import type { Tally } from "./answer.ts";
import type { Env } from "./env.ts";
import type { Generation } from "./openai.ts";
import { openSocket, originLost } from "./origin.ts";
import { SessionStore } from "./pages.ts";
import { Queue } from "./queue.ts";
import { errorResponse, type Outcome } from "./reply.ts";
import { document, events, type Piece } from "./stream.ts";
import { type Lent, Turn } from "./turn.ts";
import { admission, dropLlama, loadedLlama, loadedPack, type Pack } from "./weights.ts";

/** Requests that may wait behind the answer under way. */
const MAX_WAITING = 4;
/** A conversation that nobody continues is forgotten after this long, so that its storage does not cost for ever. */
const KEEP_MS = 7 * 24 * 3600 * 1000;

/** The Session that learned last in this isolate: its way, its target and its drafter are a new Session's as well. */
let learned: History | undefined;

export class Session extends DurableObject<Env> {
  readonly #store: SessionStore;
  readonly #queue = new Queue(MAX_WAITING);
  readonly #history = new History(learned?.costs, learned?.meanAcceptance);
  #timeline: readonly number[];
  #held: { readonly llama: Llama; readonly cache: KvCache } | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new SessionStore(ctx.storage);
    this.#timeline = this.#store.timeline();
  }

  /** Takes a Generation as JSON from the Worker, with this Session's name and the request's id as headers. */
  async fetch(request: Request): Promise<Response> {
    const startedAt = Date.now();
    const requestId = request.headers.get("x-request-id") ?? "";
    try {
      const generation = (await request.json()) as Generation;
      const end = await this.#queue.enter();
      const leave = () => {
        admission.leave(this);
        end();
      };
      try {
        if (request.signal.aborted) throw new OutriderError("closed", "the client left while waiting", { status: 499 });
        const lent = this.#lend(await loadedPack(this.env.ASSETS), request.headers.get("x-session") ?? "", requestId);
        const turn = new Turn(generation, lent, requestId.replace(/^req_/, ""), startedAt);
        return await this.#respond(turn, lent.pack, leave);
      } catch (error) {
        leave();
        throw error;
      }
    } catch (error) {
      report(requestId, error);
      return errorResponse(error);
    }
  }

  /** The only alarm a Session ever sets: the end of a conversation that nobody continued. */
  async alarm(): Promise<void> {
    await this.#store.forget();
    this.#timeline = [];
  }

  #lend(pack: Pack, session: string, requestId: string): Lent {
    return {
      pack,
      session,
      history: this.#history,
      before: this.#timeline,
      prefer: this.env.PREFER === "time" ? "time" : "passes",
      connect: () => openSocket(this.env),
      draft: {
        load: async () => {
          const llama = await loadedLlama(this.env, pack.header);
          if (this.#held?.llama !== llama) this.#held = { llama, cache: llama.newCache() };
          return this.#held;
        },
        claim: (tokens) => admission.claim(this, tokens, this.#held?.llama.pool.pages ?? 0, Date.now()),
        restore: (cache, timeline) => this.#store.restore(cache, timeline, pack.id),
        failed: (error) => {
          console.warn(requestId, "the draft failed:", error instanceof OutriderError ? error.message : error);
          if (!(error instanceof WebAssembly.RuntimeError) || !this.#held) return;
          dropLlama(this.#held.llama);
          this.#held = undefined;
        },
      },
    };
  }

  /** Waits for the first verdict, so that a refusal has its own status, and streams from there on. */
  async #respond(turn: Turn, pack: Pack, leave: () => void): Promise<Response> {
    let pieces = turn.decided();
    let first: IteratorResult<Piece, Tally>;
    try {
      first = await pieces.next();
    } catch (error) {
      await turn.idle();
      if (this.env.ALLOW_DRAFT_ONLY !== "true" || !originLost(error)) throw error;
      pieces = turn.drafted();
      first = await pieces.next();
    }
    const form = turn.generation.stream ? events : document;
    const chunks = form(turn.head, turn.generation, whole(first, pieces, turn));
    return new Response(this.#body(turn, pack, chunks, leave), {
      headers: {
        "content-type": turn.generation.stream ? "text/event-stream; charset=utf-8" : "application/json",
        "cache-control": "no-cache, no-transform",
        // Compression would hold chunks back, and hide that the client has left.
        "content-encoding": "identity",
        // Target work has been spent: SDKs must not repeat the request by themselves.
        "x-should-retry": "false",
      },
    });
  }

  /** The chunks as a body that ends the turn when it ends, however it ends. */
  #body(turn: Turn, pack: Pack, chunks: AsyncGenerator<string, void>, leave: () => void): ReadableStream<Uint8Array> {
    const encoder = new TextEncoder();
    let gone = false;
    const run = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
      try {
        for await (const text of chunks) {
          if (gone) break;
          controller.enqueue(encoder.encode(text));
        }
        if (!gone) controller.close();
      } catch (error) {
        if (!gone) controller.error(error);
      }
      await this.#keep(turn, pack).catch((error) => report(turn.head.id, error));
      leave();
    };
    return new ReadableStream({
      start: (controller) => this.ctx.waitUntil(run(controller)),
      cancel: () => {
        gone = true;
        turn.close();
      },
    });
  }

  /** Stores what the turn has added, once. */
  async #keep(turn: Turn, pack: Pack): Promise<void> {
    await turn.idle();
    const { timeline } = turn;
    learned = this.#history;
    this.#timeline = timeline;
    const cache = this.#held?.cache;
    cache?.cut(cache.commonPrefix(timeline));
    this.#store.save(timeline, cache, pack.id);
    await this.ctx.storage.setAlarm(Date.now() + KEEP_MS);
  }
}

/** All pieces of an answer whose first has been waited for already. */
async function* whole(
  first: IteratorResult<Piece, Tally>,
  rest: AsyncGenerator<Piece, Tally>,
  turn: Turn,
): AsyncGenerator<Piece, Outcome> {
  try {
    let step = first;
    for (; !step.done; step = await rest.next()) yield step.value;
    return turn.outcome(step.value);
  } catch (error) {
    report(turn.head.id, error);
    throw error;
  } finally {
    await rest.return(undefined as never);
  }
}

/** Errors that nobody foresaw go to the log; the others are told to the client. */
function report(id: string, error: unknown): void {
  if (!(error instanceof OutriderError)) console.error(id, error);
}
