/**
 * One conversation: its timeline, its draft's KV state, one turn at a time. Its Durable Object may lose its memory
 * between any two requests (idle for a minute or two, deploys); what a turn leaves behind is in SQLite by the time the
 * next one starts. The loop itself is speculate/round.ts; how answers look on the wire is reply.ts and stream.ts.
 */

import { commonPrefix } from "../../core/model/common-prefix.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { History } from "../../core/speculate/history.ts";
import { errorResponse } from "../api/error-response.ts";
import { longWork } from "../api/long-work.ts";
import { messagesForm } from "../api/messages/form.ts";
import { formOf } from "../api/openai/stream.ts";
import type { Cost, Outcome, Timings } from "../api/outcome.ts";
import type { SessionPlace } from "../api/placement-schema.ts";
import { report } from "../api/report.ts";
import { RESPONSES_PATH, ResponseStore, type ResponseTurn } from "../api/responses/store.ts";
import { tokensAnswer } from "../api/tokens/answer.ts";
import { TOKENS_PATH, type TokenRequest } from "../api/tokens/question.ts";
import { HOUR_MS, KEEP_HOURS, type Keep, keepHours, keepOf, NOTHING } from "../bill/keeping.ts";
import { cpuBudgetMs } from "../draft/cpu-budget.ts";
import { SessionDraft } from "../draft/drafter.ts";
import type { Env } from "../env.ts";
import { Breakers } from "../origins/breaker.ts";
import { Route } from "../origins/origin.ts";
import { deadlineOf, originsOf } from "../origins/origins.ts";
import { RoundTrips } from "../origins/round-trips.ts";
import { traced } from "../origins/trace.ts";
import { PLACES, type Visit } from "../place/placement.ts";
import { BUSY, ONCE, UNLESS_BUSY } from "../place/spare.ts";
import { loadedTarget } from "../prompt/target.ts";
import { PageStore } from "../store/pages.ts";
import { isStorageFailure, tellStorageFailure, UNSTORED, unstoredOutcome } from "../store/storage-failure.ts";
import { TimelineStore } from "../store/timeline-store.ts";
import { Metered } from "../tenant/metering.ts";
import { AnswerLine, KEY_NAME } from "./answer-line.ts";
import { costOf } from "./cost.ts";
import type { Asked } from "./dialect.ts";
import { Queue } from "./queue.ts";
import { type Begun, respond } from "./respond.ts";
import { Turn } from "./turn.ts";
import { untold } from "./untold.ts";

/** Requests that may wait behind the answer under way. */
const MAX_WAITING = 4;

/** The end of what is stored is put off no more often than this. */
const ALARM_EVERY_MS = 60_000;

/** The Session that learned last in this isolate: its way, its target and its drafter are a new Session's as well. */
let learned: History | undefined;

/** Settles an answer that has not begun: its client has left or is at fault, or else it costs nothing. */
function settled(metered: Metered, turn: Turn | null, error: unknown): Promise<void> {
  // The origin may have computed all of the prompt.
  if (turn?.closed) return metered.settle(turn.timeline.length);
  return error instanceof OutriderError && error.status === 400 ? metered.wasRead() : metered.settle(0);
}

/** From this isolate to the origins. */
const breakers = new Breakers(Date.now);
const roundTrips = new RoundTrips(breakers, Date.now);

/** What a Session lives in. */
export interface Host {
  /** Null: nothing is stored. */
  readonly storage: DurableObjectStorage | null;
  waitUntil(work: Promise<unknown>): void;
}

export class Session {
  readonly ctx: Host;
  readonly env: Env;
  readonly #store: TimelineStore;
  readonly #pages: PageStore;
  readonly #responses: ResponseStore;
  readonly #queue = new Queue(MAX_WAITING);
  readonly #history = new History(learned?.costs, learned?.meanAcceptance, learned?.idle);
  #timeline: readonly number[];
  /** Made by the first turn of an edge that has weights. */
  #draft: SessionDraft | null = null;
  /** As the deployment sets it; read with each request, which so hears of a wrong setting. */
  #keepHours = KEEP_HOURS;
  /** Name of the origin that was asked last, and so holds the timeline. */
  #origin: string | null = null;
  /** When what is stored ends, as this object has set it since it is in memory. */
  #alarmAt = 0;

  constructor(ctx: Host, env: Env) {
    this.ctx = ctx;
    this.env = env;
    this.#store = new TimelineStore(ctx.storage);
    this.#pages = new PageStore(ctx.storage);
    this.#responses = new ResponseStore(ctx.storage);
    this.#timeline = this.#store.read();
  }

  /**
   * A turn: takes a Generation as JSON from the Worker, with this Session's name, the request's id and a `Visit` as
   * headers.
   */
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === TOKENS_PATH) return this.#tokens(request);
    if (pathname.startsWith(RESPONSES_PATH)) return this.#stored(pathname.slice(RESPONSES_PATH.length), request.method);
    const startedAt = Date.now();
    const requestId = request.headers.get("x-request-id") ?? "";
    const line = new AnswerLine(request, startedAt, this.env);
    const metered = Metered.of(request, this.env);
    let begun: Turn | null = null;
    try {
      this.#keepHours = keepHours(this.env.KEEP_HOURS);
      const asked = (await request.json()) as Asked;
      if (request.headers.has(UNLESS_BUSY) && this.#queue.busy)
        return new Response(null, { headers: { [BUSY]: "true" } });
      const end = await this.#queue.enter(request.signal);
      const leave = () => {
        begun?.leave();
        this.#draft?.leave();
        end();
      };
      try {
        const origins = originsOf(this.env);
        const { placement, client } = JSON.parse(request.headers.get(PLACES) ?? "null") as Visit;
        const { dialect } = asked;
        const response = dialect?.kind === "responses" ? this.#responses.turn(asked, dialect) : null;
        const generation = response?.generation ?? asked;
        const target = await loadedTarget(this.env.ASSETS);
        if (target.description.draft !== null) this.#draft ??= new SessionDraft(this.env, this.#pages);
        const nearestFirst = roundTrips.order(origins, placement.region ?? client, this.#origin);
        const tracedOrigins = nearestFirst.map((origin) => traced(origin, line.traceparent));
        const route = new Route(tracedOrigins, breakers, Date.now);
        const turn = await Turn.of(generation, {
          target,
          draft: this.#draft,
          history: this.#history,
          before: this.#timeline,
          session: request.headers.get("x-session") ?? "",
          tenant: request.headers.get(KEY_NAME),
          prefer: this.env.PREFER === "passes" || this.env.PREFER === "auto" ? this.env.PREFER : "time",
          sharedCpu: this.env.SHARED_CPU === "true",
          cpuMs: cpuBudgetMs(this.env.CPU_MS),
          route,
          deadlineMs: deadlineOf(this.env),
          id: requestId.replace(/^req_/, ""),
          startedAt,
        });
        begun = turn;
        // A stream is cancelled when its client leaves. Before there is one, only the request tells.
        request.signal.addEventListener("abort", () => turn.close());
        if (request.signal.aborted) turn.close();
        // What it stores has an end before it has a beginning. A stream says in its first event whether it is stored.
        if (response?.stores) await this.#keepFor(this.#keepHours * HOUR_MS, generation.stream);
        const beginning = await this.#begin(turn);
        this.ctx.waitUntil(roundTrips.measure(origins));
        const unstored = request.headers.has(UNSTORED);
        const once = unstored || request.headers.has(ONCE);
        const keep = once ? () => turn.idle() : () => this.#keep(turn, response);
        const form =
          response?.form(turn.head) ??
          (dialect?.kind === "messages"
            ? messagesForm(turn.head, generation)
            : formOf(turn.head, generation, turn.echo));
        const place = (): SessionPlace => {
          const ms = roundTrips.nearest(origins);
          return { ...placement, ...(ms !== null && { round_trip_ms: ms }) };
        };
        const circumstance = () => ({ origin: route.asked?.name ?? null, place: place() });
        const knows = this.env.SHOW_CACHED === "true" || request.headers.has(KEY_NAME);
        const account = (ended: Outcome, placement: SessionPlace): Outcome => {
          const outcome = unstored ? unstoredOutcome(ended) : ended;
          if (!knows) return untold({ ...outcome, account: { ...outcome.account, placement } });
          const cost = this.#cost(turn, outcome.timings, once);
          return { ...outcome, account: { ...outcome.account, placement, cost } };
        };
        const over = () => {
          // The origin that began the answer may have been lost meanwhile.
          this.#origin = route.asked?.name ?? null;
          leave();
          return metered?.settle(turn.timeline.length);
        };
        const leaving = () => keep().catch(toldUnkept).finally(over);
        const written = async () => (response?.stores ? this.ctx.storage?.sync() : undefined);
        const told = { line, circumstance, account, written };
        return await respond(turn, form, beginning, told, leaving, (work) => this.ctx.waitUntil(work));
      } catch (error) {
        leave();
        throw error;
      }
    } catch (error) {
      // The Worker asks again, and says that nothing is to be stored.
      if (isStorageFailure(error)) throw error;
      report(requestId, error);
      line.failed(error, 0, null);
      if (metered) this.ctx.waitUntil(settled(metered, begun, error));
      return errorResponse(error);
    }
  }

  /** What `/tokenize` and its like ask. No turn, and nothing is stored. */
  async #tokens(request: Request): Promise<Response> {
    try {
      const asked = (await request.json()) as TokenRequest;
      const answer = await longWork.done(
        request.headers.get(KEY_NAME) ?? "",
        tokensAnswer(asked, await loadedTarget(this.env.ASSETS)),
      );
      return new Response(answer, { headers: { "content-type": "application/json" } });
    } catch (error) {
      report(request.headers.get("x-request-id") ?? "", error);
      return errorResponse(error);
    }
  }

  /** A response that is stored here: itself, or with DELETE its end. */
  #stored(id: string, method: string): Response {
    const none = new Response(null, { status: 404 });
    if (method === "DELETE") {
      return this.#responses.delete(id) ? Response.json({ id, object: "response", deleted: true }) : none;
    }
    const response = this.#responses.response(id);
    return response === undefined ? none : new Response(response, { headers: { "content-type": "application/json" } });
  }

  /** The end of all it stores. */
  async end(): Promise<void> {
    // An object without storage costs nothing.
    await this.ctx.storage?.deleteAll();
    this.#alarmAt = 0;
    this.#timeline = [];
    this.#responses.forget();
  }

  /** Waits for the first verdict, so that a refusal has its own status. */
  async #begin(turn: Turn): Promise<Begun> {
    const decided = turn.decided();
    try {
      return { first: await decided.next(), rest: decided };
    } catch (error) {
      await turn.idle();
      throw error;
    }
  }

  /** @param once nothing is stored */
  #cost(turn: Turn, timings: Timings, once: boolean): Cost {
    const { timeline: after, budget } = turn;
    const keep = once ? NOTHING : this.#keepOf(after);
    const pages = { pagesBefore: this.#pages.count, pageBytes: this.#draft?.pageBytes ?? 0 };
    return costOf({ timings, budget, before: this.#timeline, after, keep, ...pages });
  }

  #keepOf(timeline: readonly number[]): Keep {
    return keepOf(commonPrefix(timeline, this.#timeline), timeline.length, this.#keepHours);
  }

  /** Stores what the turn has added, once, as far as that pays. */
  async #keep(turn: Turn, response: ResponseTurn | null): Promise<void> {
    await turn.idle();
    const { timeline } = turn;
    learned = this.#history;
    const { pages, ms } = this.#keepOf(timeline);
    this.#timeline = timeline;
    // Who was told that a response is stored may ask for it as long as anything is.
    await this.#ending(response?.stores ? this.#keepHours * HOUR_MS : ms, () => {
      this.#store.save(timeline);
      if (pages) this.#draft?.save(timeline);
    });
  }

  /** Stores something. It has an end even where a part of it could not be stored. */
  async #ending(ms: number, store: () => void): Promise<void> {
    try {
      store();
    } finally {
      await this.#keepFor(ms);
    }
  }

  /** Puts the end of what is stored off; not again within a minute unless it must, since that costs a row. */
  async #keepFor(ms: number, always = false): Promise<void> {
    const end = Date.now() + ms;
    if (!always && end - this.#alarmAt < ALARM_EVERY_MS) return;
    await this.ctx.storage?.setAlarm(end);
    this.#alarmAt = end;
  }
}

/** What a turn leaves can be had again. Throws whatever else kept it from being stored. */
function toldUnkept(error: unknown): void {
  if (!isStorageFailure(error)) throw error;
  tellStorageFailure("answers go on, and what they leave is not stored", error);
}
