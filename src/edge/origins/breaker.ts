/**
 * Which origins are worth asking, by how they did last: a circuit breaker for each (Nygard, Release It!, 2nd ed.,
 * §5.2). It only orders: where none is worth asking, each is asked nevertheless.
 *
 *   closed ── hard failure, or three soft ones in a row ──▶ open ── pause over, /health is well ──▶ half-open
 *     ▲                                                      ▲                                      │
 *     │                                                      └── fails: the pause is doubled ───────┤
 *     └──────────────── a verdict ◀──────────────── one answer at a time asks it ───────────────────┘
 *
 * A failure is hard where every other answer would meet it as well: no connection, a refusal, silence. A socket that
 * breaks in the middle of an answer is soft.
 */

/** Soft failures in a row that open it. */
const MOST_SOFT = 3;
const PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 60_000;
/** A half-open origin is tried by another answer where the one that tries it has said nothing for so long. */
const TRIAL_MS = 60_000;

export type Failure = "hard" | "soft";

interface State {
  soft: number;
  /** When the pause is over; null: closed. */
  until: number | null;
  pauseMs: number;
  /** Half-open: since the pause its /health was well. */
  well: boolean;
  /** Half-open: until then an answer tries it. */
  trialUntil: number;
}

export class Breakers {
  readonly #states = new Map<string, State>();
  readonly #now: () => number;

  /** @param now milliseconds; may stand still between two requests */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Whether an answer should ask this origin before others that it may ask. Of a half-open one: whether it tries it.
   */
  admits(origin: string): boolean {
    const state = this.#states.get(origin);
    if (!state || state.until === null) return true;
    const now = this.#now();
    if (!state.well || now < state.trialUntil) return false;
    state.trialUntil = now + TRIAL_MS;
    return true;
  }

  isOpen(origin: string): boolean {
    return (this.#states.get(origin)?.until ?? null) !== null;
  }

  /** Whether its /health should be looked at: it is open and its pause is over. */
  isDue(origin: string): boolean {
    const state = this.#states.get(origin);
    return state !== undefined && state.until !== null && !state.well && this.#now() >= state.until;
  }

  failed(origin: string, failure: Failure): void {
    const state = this.#states.get(origin) ?? { soft: 0, until: null, pauseMs: PAUSE_MS, well: false, trialUntil: 0 };
    this.#states.set(origin, state);
    state.soft++;
    if (failure === "soft" && state.soft < MOST_SOFT && state.until === null) return;
    const now = this.#now();
    // One failure that many answers meet at once is one failure.
    if (state.until !== null && !state.well && now < state.until) return;
    if (state.until !== null) state.pauseMs = Math.min(2 * state.pauseMs, LONGEST_PAUSE_MS);
    state.until = now + state.pauseMs;
    state.well = false;
    state.trialUntil = 0;
  }

  /** Its /health is well. */
  answered(origin: string): void {
    const state = this.#states.get(origin);
    if (state && this.isDue(origin)) state.well = true;
  }

  /** It decided a token. */
  worked(origin: string): void {
    this.#states.delete(origin);
  }
}
