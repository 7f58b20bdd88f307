/**
 * One conversation: its timeline, its draft's KV state, one turn at a time. A Durable Object may lose its memory
 * between any two requests (idle for a minute or two, deploys); what a turn leaves behind is in SQLite by the time the
 * next one starts. The loop itself is speculate/round.ts; how answers look on the wire is reply.ts and stream.ts.
 */
import { DurableObject } from "cloudflare:workers";
import { OutriderError } from "../model/errors.ts";
import { History } from "../speculate/history.ts";
import type { Tally } from "./answer.ts";
import { SessionDraft } from "./drafter.ts";
import type { Env } from "./env.ts";
import type { Generation } from "./openai.ts";
import { openSocket, originLost } from "./origin.ts";
import { PageStore } from "./pages.ts";
import { Queue } from "./queue.ts";
import { errorResponse } from "./reply.ts";
import { formOf, type Piece } from "./stream.ts";
import { loadedTarget } from "./target.ts";
import { TimelineStore } from "./timeline-store.ts";
import { Turn } from "./turn.ts";

/** Requests that may wait behind the answer under way. */
const MAX_WAITING = 4;
/** A conversation that nobody continues is forgotten after this long, so that its storage does not cost for ever. */
const KEEP_MS = 7 * 24 * 3600 * 1000;

/** The Session that learned last in this isolate: its way, its target and its drafter are a new Session's as well. */
let learned: History | undefined;

/** The pieces of an answer, of which the first has been waited for. */
interface Begun {
  readonly first: IteratorResult<Piece, Tally>;
  readonly rest: AsyncGenerator<Piece, Tally>;
}

export class Session extends DurableObject<Env> {
  readonly #store: TimelineStore;
  readonly #queue = new Queue(MAX_WAITING);
  readonly #history = new History(learned?.costs, learned?.meanAcceptance);
  #timeline: readonly number[];
  /** Made by the first turn of an edge that has weights. */
  #draft: SessionDraft | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#store = new TimelineStore(ctx.storage);
    this.#timeline = this.#store.read();
  }

  /** Takes a Generation as JSON from the Worker, with this Session's name and the request's id as headers. */
  override async fetch(request: Request): Promise<Response> {
    const startedAt = Date.now();
    const requestId = request.headers.get("x-request-id") ?? "";
    try {
      const generation = (await request.json()) as Generation;
      const end = await this.#queue.enter();
      const leave = () => {
        this.#draft?.leave();
        end();
      };
      try {
        if (request.signal.aborted) throw new OutriderError("closed", "the client left while waiting", { status: 499 });
        const target = await loadedTarget(this.env.ASSETS);
        if (target.description.draft !== null) {
          this.#draft ??= new SessionDraft(this.env, new PageStore(this.ctx.storage));
        }
        const turn = new Turn(generation, {
          target,
          draft: this.#draft,
          history: this.#history,
          before: this.#timeline,
          session: request.headers.get("x-session") ?? "",
          prefer: this.env.PREFER === "passes" || this.env.PREFER === "auto" ? this.env.PREFER : "time",
          sharedCpu: this.env.SHARED_CPU === "true",
          connect: () => openSocket(this.env),
          id: requestId.replace(/^req_/, ""),
          startedAt,
        });
        return this.#respond(turn, await this.#begin(turn), leave);
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
  override async alarm(): Promise<void> {
    // An object without storage costs nothing.
    await this.ctx.storage.deleteAll();
    this.#timeline = [];
  }

  /** Waits for the first verdict, so that a refusal has its own status. */
  async #begin(turn: Turn): Promise<Begun> {
    const decided = turn.decided();
    try {
      return { first: await decided.next(), rest: decided };
    } catch (error) {
      await turn.idle();
      if (this.env.ALLOW_DRAFT_ONLY !== "true" || !this.#draft || !originLost(error)) throw error;
      const drafted = turn.drafted(this.#draft);
      return { first: await drafted.next(), rest: drafted };
    }
  }

  /** The answer as a body that ends the turn when it ends, however it ends. */
  #respond(turn: Turn, { first, rest }: Begun, leave: () => void): Response {
    const form = formOf(turn.head, turn.generation);
    const encoder = new TextEncoder();
    let gone = false;
    const run = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
      const send = (text: string): void => {
        if (text !== "" && !gone) controller.enqueue(encoder.encode(text));
      };
      try {
        send(form.begin());
        let step = first;
        for (; !step.done && !gone; step = await rest.next()) send(form.piece(step.value));
        if (step.done) send(form.end(turn.outcome(step.value)));
        if (!gone) controller.close();
      } catch (error) {
        report(turn.head.id, error);
        send(form.failed(error));
        if (!gone && form.breaks) controller.error(error);
        else if (!gone) controller.close();
      } finally {
        await rest.return(undefined as never);
      }
      await this.#keep(turn).catch((error) => report(turn.head.id, error));
      leave();
    };
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => this.ctx.waitUntil(run(controller)),
      cancel: () => {
        gone = true;
        turn.close();
      },
    });
    return new Response(body, {
      headers: {
        "content-type": form.contentType,
        "cache-control": "no-cache, no-transform",
        // Compression would hold chunks back, and hide that the client has left.
        "content-encoding": "identity",
        // Target work has been spent: SDKs must not repeat the request by themselves.
        "x-should-retry": "false",
      },
    });
  }

  /** Stores what the turn has added, once. */
  async #keep(turn: Turn): Promise<void> {
    await turn.idle();
    const { timeline } = turn;
    learned = this.#history;
    this.#timeline = timeline;
    this.#store.save(timeline);
    this.#draft?.save(timeline);
    await this.ctx.storage.setAlarm(Date.now() + KEEP_MS);
  }
}

/** Errors that nobody foresaw go to the log; the others are the client's to read. */
function report(id: string, error: unknown): void {
  if (!(error instanceof OutriderError)) console.error(id, error);
}
