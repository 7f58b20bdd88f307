/**
 * Whose answer begins next where the thread of an isolate is late. All requests of an isolate share one thread, which
 * takes up what comes in its order: behind a key that asks sixty questions at once everybody else would wait for all of
 * them. To read, send on and begin an answer is most of what the thread does for it. So while the thread is late and
 * several keys ask, each has its share of the answers that begin at the same time, one at least; and where that is all,
 * a key lets those go first that have begun fewer in the last seconds.
 *
 * How many begin at the same time follows from how late the thread is: half as many where it is late, a few more where
 * it is not (additive increase, multiplicative decrease: Chiu, Jain 1989). A key that asks alone is never held, and
 * nobody is refused.
 */
import { clientLeft, Waiting } from "../tenant/waiting.ts";

/** A timer of so many ms that fires so many later shows that the thread is late. */
const TIMER_MS = 5;
const LATE_MS = 3;
/** How many more may begin after a timer that was on time: a factor before the thread was ever late, then a number. */
const MORE = { factor: 1.5, number: 0.1 } as const;
/** How many may begin at the same time before anything is known, and at most. */
const BEGINNING = { first: 8, most: 1024 } as const;
/** A share of so many or fewer is one, and waits for keys that have begun fewer. */
const FEW = 2;
/** What takes longer than this to begin, in ms, waits for something else than the thread. */
const BEGINS_MS = 50;
/** In so many ms an answer that has begun comes to count half: who was greedy a minute ago is not behind for it. */
const HALF_MS = 1_000;
/** A key is one of those that ask for so many ms behind its last request. */
const ASKS_MS = 5_000;
/** A request that waits looks for itself every so many ms: a timer ends with the request that it was set for. */
const LOOK_MS = 250;

/** Names an answer that begins. */
type Beginning = object;

interface Key {
  /** Answers that have begun, older ones counting less. */
  begun: number;
  /** When that was counted. */
  begunAt: number;
  /** When each of those began that are beginning. */
  readonly beginning: Map<Beginning, number>;
  readonly waiting: Waiting<Beginning>;
  /** When it asked last. */
  at: number;
}

export class FairShare {
  readonly #now: () => number;
  readonly #after: (then: () => void, ms: number) => void;
  readonly #keys = new Map<string, Key>();
  #most: number = BEGINNING.first;
  #everLate = false;
  /** When the timer was set that shows how late the thread is; null where none is. */
  #probedAt: number | null = null;

  /** @param after calls back so many ms later */
  constructor(now: () => number, after: (then: () => void, ms: number) => void) {
    this.#now = now;
    this.#after = after;
  }

  /**
   * Resolves when an answer of this key may begin, with the function that says that it has begun. Rejects with a 499
   * once `left` says that the client has gone.
   */
  async begin(name: string, left?: AbortSignal): Promise<() => void> {
    if (left?.aborted) throw clientLeft();
    const key = this.#keys.get(name) ?? { begun: 0, begunAt: 0, beginning: new Map(), waiting: new Waiting(), at: 0 };
    key.at = this.#now();
    this.#keys.set(name, key);
    this.#probe();
    const waits = key.waiting.size > 0 || !this.#mayBegin(key);
    const beginning = waits ? await this.#wait(key, left) : this.#begins(key);
    return () => {
      key.beginning.delete(beginning);
      this.#probe();
      this.#admit();
    };
  }

  #begins(key: Key): Beginning {
    const [beginning, now] = [{}, this.#now()];
    key.begun = begunBy(key, now) + 1;
    key.begunAt = now;
    key.beginning.set(beginning, now);
    return beginning;
  }

  /** Whether one more answer of this key may begin. */
  #mayBegin(key: Key): boolean {
    const { size } = this.#keys;
    if (size === 1) return true;
    const now = this.#now();
    const since = now - BEGINS_MS;
    const own = begunBy(key, now);
    let isBehind = false;
    for (const one of this.#keys.values()) {
      for (const [beginning, at] of one.beginning) if (at < since) one.beginning.delete(beginning);
      isBehind ||= one.beginning.size > 0 && begunBy(one, now) < own;
    }
    const share = this.#most / size;
    return share > FEW ? key.beginning.size < share : key.beginning.size === 0 && !isBehind;
  }

  async #wait(key: Key, left: AbortSignal | undefined): Promise<Beginning> {
    let waits = true;
    const look = () => {
      if (!waits) return;
      this.#admit();
      this.#probe();
      this.#after(look, LOOK_MS);
    };
    this.#after(look, LOOK_MS);
    try {
      return await key.waiting.wait(left);
    } finally {
      waits = false;
    }
  }

  /** Lets in whoever may begin now. */
  #admit(): void {
    this.#forget();
    for (const key of this.#keys.values()) {
      while (key.waiting.size > 0 && this.#mayBegin(key)) key.waiting.next(this.#begins(key));
    }
  }

  #forget(): void {
    const since = this.#now() - ASKS_MS;
    for (const [name, { waiting, at }] of this.#keys) if (waiting.size === 0 && at < since) this.#keys.delete(name);
  }

  /** Finds out how late the thread is. One timer at a time, unless that one was lost with its request. */
  #probe(): void {
    const now = this.#now();
    if (this.#probedAt !== null && now - this.#probedAt < LOOK_MS) return;
    this.#probedAt = now;
    const keys = () => [...this.#keys.values()];
    const timer = () => {
      this.#probedAt = null;
      if (this.#now() - now > TIMER_MS + LATE_MS) {
        const all = keys().reduce((sum, { beginning }) => sum + beginning.size, 0);
        this.#most = Math.max(1, Math.min(this.#most, all) / 2);
        this.#everLate = true;
      } else {
        const more = this.#everLate ? this.#most + MORE.number : this.#most * MORE.factor;
        this.#most = Math.min(BEGINNING.most, more);
      }
      this.#admit();
      if (keys().some(({ waiting }) => waiting.size > 0)) this.#probe();
    };
    this.#after(timer, TIMER_MS);
  }
}

const begunBy = ({ begun, begunAt }: Key, now: number): number => begun * 0.5 ** ((now - begunAt) / HALF_MS);
