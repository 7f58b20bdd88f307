/**
 * The account of one answer: its line in the log, what its key pays for it, and what its client is told that it took.
 * It has one end, however the answer ends.
 */
import { OutriderError } from "../../core/model/errors.ts";
import type { Cost, Outcome, Timings } from "../api/outcome.ts";
import type { Env } from "../env.ts";
import type { Route } from "../origins/origin.ts";
import type { Origin } from "../origins/origins.ts";
import type { RoundTrips } from "../origins/round-trips.ts";
import { unstoredOutcome } from "../store/storage-failure.ts";
import { AnswerMeter, type Reservation } from "../tenant/metering.ts";
import type { Tally } from "./answer.ts";
import { AnswerLine, type Circumstance } from "./answer-line.ts";
import type { Turn } from "./turn.ts";
import type { TurnRequest } from "./turn-request.ts";

/** What is known of an answer once its turn is. */
interface Source {
  readonly turn: Turn;
  readonly route: Route;
  readonly origins: readonly Origin[];
  readonly roundTrips: RoundTrips;
  readonly cost: (timings: Timings) => Cost;
}

export class Account {
  readonly #request: TurnRequest;
  readonly #line: AnswerLine;
  readonly #meter: AnswerMeter | null;
  readonly #env: Env;
  readonly #later: (work: Promise<unknown>) => void;
  #source: Source | null = null;

  /**
   * @param reservation of a key with a meter
   * @param later takes what goes on behind the answer
   */
  constructor(
    request: TurnRequest,
    reservation: Reservation | null,
    startedAt: number,
    env: Env,
    later: (work: Promise<unknown>) => void,
  ) {
    this.#request = request;
    this.#line = new AnswerLine(request, startedAt, env);
    this.#meter = reservation && new AnswerMeter(reservation, env);
    this.#env = env;
    this.#later = later;
  }

  /** What the Session sends on to the origin. */
  get traceparent(): string {
    return this.#line.traceparent;
  }

  begin(source: Source): void {
    this.#source = source;
  }

  /** The answer came to its end. Returns what its client is told. */
  end(tally: Tally): Outcome {
    const { turn, cost } = this.#source!;
    const own = turn.outcome(tally);
    const where = this.#where(this.#source!);
    this.#line.ended(own, where);
    if (this.#meter) this.#later(this.#meter.settle(turn.timeline.length));
    const outcome = this.#request.unstored ? unstoredOutcome(own) : own;
    const { place: placement } = where;
    const isShown = this.#env.SHOW_CACHED === "true" || this.#request.key !== null;
    if (!isShown) return withoutCached({ ...outcome, account: { ...outcome.account, placement } });
    return { ...outcome, account: { ...outcome.account, placement, cost: cost(outcome.timings) } };
  }

  /** The answer was refused or broken off, or its client has left. */
  fail(error: unknown): void {
    const source = this.#source;
    if (source?.turn.closed) this.#line.left(source.turn.predicted, this.#where(source));
    else this.#line.failed(error, source?.turn.predicted ?? 0, source && this.#where(source));
    this.#settle(error);
  }

  #where({ route, origins, roundTrips }: Source): Circumstance {
    const ms = roundTrips.nearest(origins);
    const place = { ...this.#request.visit.placement, ...(ms !== null && { round_trip_ms: ms }) };
    return { origin: route.asked?.name ?? null, place };
  }

  /** What was decided is paid for; before that, what was read of a request that is at fault, or else nothing. */
  #settle(error: unknown): void {
    if (!this.#meter) return;
    const turn = this.#source?.turn;
    // Of a client that has left the origin may have computed all of the prompt.
    if (turn && (turn.closed || turn.predicted > 0)) this.#later(this.#meter.settle(turn.timeline.length));
    else if (error instanceof OutriderError && error.status === 400) this.#later(this.#meter.wasRead());
    else this.#later(this.#meter.settle(0));
  }
}

/**
 * For an API that is open to everybody. There anybody can guess how another's conversation begins and ask the same: a
 * count of cached tokens would tell how far the guess was right. So it is left out, and what follows from it. How soon
 * the first token comes tells a little of it still (SECURITY.md).
 */
function withoutCached({ timings, account, ...outcome }: Outcome): Outcome {
  const { cost: _, ...rest } = account;
  return {
    ...outcome,
    timings: { ...timings, cache_n: 0, prompt_n: timings.cache_n + timings.prompt_n },
    account: { ...rest, draft_cache_n: 0 },
  };
}
