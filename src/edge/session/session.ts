/**
 * One conversation: its timeline, its draft's KV state, one turn at a time. Its Durable Object may lose its memory
 * between any two requests (idle for a minute or two, deploys); what a turn leaves behind is in SQLite by the time the
 * next one starts. The loop itself is speculate/round.ts; how answers look on the wire is reply.ts and stream.ts.
 */

import { commonPrefix } from "../../core/model/common-prefix.ts";
import { History } from "../../core/speculate/history.ts";
import { type ErrorFields, errorFields, errorResponse } from "../api/error-response.ts";
import { llamaForm } from "../api/llama/form.ts";
import { longWork } from "../api/long-work.ts";
import { messagesError, messagesForm } from "../api/messages/form.ts";
import { type ChoiceEnds, type Form, formOf, type Piece } from "../api/openai/stream.ts";
import type { Cost, Timings } from "../api/outcome.ts";
import { report } from "../api/report.ts";
import { ResponseStore, type ResponseTurn } from "../api/responses/store.ts";
import { tokensAnswer } from "../api/tokens/answer.ts";
import type { TokenRequest } from "../api/tokens/question.ts";
import { HOUR_MS, KEEP_HOURS, type Keep, keepHours, keepOf, NOTHING } from "../bill/keeping.ts";
import { cpuBudgetMs } from "../draft/cpu-budget.ts";
import { SessionDraft } from "../draft/drafter.ts";
import type { Env } from "../env.ts";
import { Breakers } from "../origins/breaker.ts";
import { Route } from "../origins/origin.ts";
import { deadlineOf, originsOf } from "../origins/origins.ts";
import { RoundTrips } from "../origins/round-trips.ts";
import { traced } from "../origins/trace.ts";
import { choiceOf, type Generation } from "../prompt/generation.ts";
import { loadedTarget } from "../prompt/target.ts";
import { PageStore } from "../store/pages.ts";
import { isStorageFailure, tellStorageFailure } from "../store/storage-failure.ts";
import { TimelineStore } from "../store/timeline-store.ts";
import { admitAgain } from "../tenant/metering.ts";
import { Account } from "./account.ts";
import type { Tally } from "./answer.ts";
import { costOf } from "./cost.ts";
import { Queue } from "./queue.ts";
import { type LiveAnswer, respond } from "./respond.ts";
import { Turn } from "./turn.ts";
import { BUSY_STATUS, type Dialect, type TurnRequest } from "./turn-request.ts";

/** Requests that may wait behind the answer under way. */
const MAX_WAITING = 4;

/** The end of what is stored is put off no more often than this. */
const ALARM_EVERY_MS = 60_000;

/** The Session that learned last in this isolate: its way, its target and its drafter are a new Session's as well. */
let learned: History | undefined;

/** A choice that is to begin, and what it shares with the others. */
interface Choice {
  readonly choice: number;
  readonly startedAt: number;
  readonly account: Account;
  readonly ends: ChoiceEnds;
}

/** From this isolate to the origins. */
const breakers = new Breakers(Date.now);
const roundTrips = new RoundTrips(breakers, Date.now);

/** What a Session lives in. */
interface Host {
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
   * A turn: the answer, or what it is refused with. Rejects with what makes the storage fail, and with nothing else.
   * Several choices are one turn, so that the prompt they share is read once; each has an account of its own.
   * @param signal tells that the client has left
   */
  async turn(request: TurnRequest, signal: AbortSignal): Promise<Response> {
    const startedAt = Date.now();
    const { generation, dialect, reservation } = request;
    const later = (work: Promise<unknown>) => this.ctx.waitUntil(work);
    const refused = (error: unknown) => errorResponse(error, dialect?.kind === "messages" ? messagesError : undefined);
    const ends: ChoiceEnds = { outcomes: [], texts: [] };
    const account = new Account(request, reservation, startedAt, this.env, later);
    let end = () => {};
    try {
      this.#keepHours = keepHours(this.env.KEEP_HOURS);
      if (request.unlessBusy && this.#queue.busy) return new Response(null, { status: BUSY_STATUS });
      end = await this.#queue.enter(signal);
      const response = dialect?.kind === "responses" ? this.#responses.turn(generation, dialect) : null;
      const first = await this.#begin(request, response, { choice: 0, startedAt, account, ends }, signal);
      // Other doors answer once.
      const count = dialect === null ? generation.n : 1;
      let choice = 0;
      const next = async (live: LiveAnswer): Promise<LiveAnswer | null> => {
        if (++choice === count) return null;
        await live.leave();
        const meter = reservation && (await admitAgain(reservation, this.env));
        const began = Date.now();
        const own = new Account(request, meter, began, this.env, later);
        try {
          return await this.#begin(request, response, { choice, startedAt: began, account: own, ends }, signal);
        } catch (error) {
          report(request.requestId, error);
          own.fail(error);
          throw error;
        }
      };
      return await respond(first, { next, end, refused, later });
    } catch (error) {
      end();
      // The Worker asks again, and says that nothing is to be stored.
      if (isStorageFailure(error)) throw error;
      report(request.requestId, error);
      account.fail(error);
      return refused(error);
    }
  }

  /** Begins a choice, and waits for its first verdict, so that a refusal has its own status. */
  async #begin(
    request: TurnRequest,
    response: ResponseTurn | null,
    { choice, startedAt, account, ends }: Choice,
    signal: AbortSignal,
  ): Promise<LiveAnswer> {
    const { dialect, key, requestId, session, visit } = request;
    const generation = choiceOf(response?.generation ?? request.generation, choice);
    const origins = originsOf(this.env);
    const target = await loadedTarget(this.env.ASSETS);
    if (target.description.draft !== null) this.#draft ??= new SessionDraft(this.env, this.#pages);
    const nearestFirst = roundTrips.order(origins, visit.placement.region ?? visit.client, this.#origin);
    const tracedOrigins = nearestFirst.map((origin) => traced(origin, account.traceparent));
    const route = new Route(tracedOrigins, breakers, Date.now);
    const turn = await Turn.of(generation, {
      target,
      draft: this.#draft,
      history: this.#history,
      before: this.#timeline,
      session,
      tenant: key,
      prefer: this.env.PREFER === "passes" || this.env.PREFER === "auto" ? this.env.PREFER : "time",
      sharedCpu: this.env.SHARED_CPU === "true",
      cpuMs: cpuBudgetMs(this.env.CPU_MS),
      route,
      deadlineMs: deadlineOf(this.env),
      id: requestId.replace(/^req_/, ""),
      startedAt,
    });
    // A spare object is not asked again, and a storage that has failed is left alone.
    const isKept = !request.unstored && !request.once;
    account.begin({ turn, route, origins, roundTrips, cost: (timings) => this.#cost(turn, timings, isKept) });
    // A stream is cancelled when its client leaves. Before there is one, only the request tells.
    signal.addEventListener("abort", () => turn.close());
    if (signal.aborted) turn.close();
    const forget = () => {
      turn.leave();
      this.#draft?.leave();
    };
    const decided = turn.decided();
    let first: IteratorResult<Piece, Tally>;
    try {
      // What it stores has an end before it has a beginning. A stream says in its first event whether it is stored.
      if (response?.stores) await this.#keepFor(this.#keepHours * HOUR_MS, generation.stream);
      first = await decided.next();
    } catch (error) {
      await turn.idle();
      forget();
      throw error;
    }
    this.ctx.waitUntil(roundTrips.measure(origins));
    let left: Promise<void> | null = null;
    const leave = async (): Promise<void> => {
      try {
        await turn.idle();
        if (isKept) await this.#keep(turn, response).catch(toldUnkept);
      } catch (error) {
        report(turn.head.id, error);
      } finally {
        this.#timeline = turn.timeline;
        // The origin that began the answer may have been lost meanwhile.
        this.#origin = route.asked?.name ?? null;
        forget();
      }
    };
    const form = response?.form(turn.head) ?? plainForm(turn, generation, dialect, ends);
    return {
      turn,
      form,
      account,
      first,
      rest: decided,
      written: async () => (response?.stores ? this.ctx.storage?.sync() : undefined),
      leave: () => (left ??= leave()),
    };
  }

  /**
   * What `/tokenize` and its like ask: the JSON of the reply. No turn, and nothing is stored.
   * @param key name of the caller's key, "" where the API is open: its long work waits for its own
   */
  async tokens(
    request: TokenRequest,
    key: string,
  ): Promise<{ readonly json: string } | { readonly error: ErrorFields }> {
    try {
      const target = await loadedTarget(this.env.ASSETS);
      return { json: await longWork.done(key, tokensAnswer(request, target)) };
    } catch (error) {
      report("", error);
      return { error: errorFields(error) };
    }
  }

  /** The JSON of a response that is stored here; undefined where none is. */
  async storedResponse(id: string): Promise<string | undefined> {
    return this.#responses.response(id);
  }

  /** Whether there was such a response. */
  async deleteResponse(id: string): Promise<boolean> {
    return this.#responses.delete(id);
  }

  /** The end of all it stores. */
  async end(): Promise<void> {
    // An object without storage costs nothing.
    await this.ctx.storage?.deleteAll();
    this.#alarmAt = 0;
    this.#timeline = [];
    this.#responses.forget();
  }

  #cost(turn: Turn, timings: Timings, isKept: boolean): Cost {
    const { timeline: after, budget } = turn;
    const keep = isKept ? this.#keepOf(after) : NOTHING;
    const pages = { pagesBefore: this.#pages.count, pageBytes: this.#draft?.pageBytes ?? 0 };
    return costOf({ timings, budget, before: this.#timeline, after, keep, ...pages });
  }

  #keepOf(timeline: readonly number[]): Keep {
    return keepOf(commonPrefix(timeline, this.#timeline), timeline.length, this.#keepHours);
  }

  /** Stores what the turn has added, once, as far as that pays. */
  async #keep(turn: Turn, response: ResponseTurn | null): Promise<void> {
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

/** The form of an answer that is not a response. */
function plainForm({ head, echo }: Turn, generation: Generation, dialect: Dialect | null, ends: ChoiceEnds): Form {
  switch (dialect?.kind) {
    case "messages":
      return messagesForm(head, generation);
    case "llama":
      return llamaForm(head, generation, dialect);
    default:
      return formOf(head, generation, echo, ends);
  }
}
