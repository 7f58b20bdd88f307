/**
 * Whose turn it is to work where one works at a time: of those that wait, the key that had its last turn longest ago;
 * within a key they go in order. Whoever waits or works looks again and again rather than being woken, since in a
 * Worker no request may wait for another's promise; one that looks no more has gone without a word.
 */

/** One that has not looked for so long, in ms, has gone. */
const GONE_MS = 5000;

export interface Place {
  readonly key: string;
}

export class Rota {
  readonly #now: () => number;
  /** In the order in which they came, each with when it looked last. */
  readonly #places = new Map<Place, number>();
  /** Of the keys that are there: the number of the last turn. */
  readonly #turns = new Map<string, number>();
  #turn = 0;
  #working: Place | null = null;

  constructor(now: () => number) {
    this.#now = now;
  }

  join(key: string): Place {
    const place = { key };
    this.#places.set(place, this.#now());
    return place;
  }

  /** Whether it is its turn, which lasts until it leaves. */
  isTurn(place: Place): boolean {
    const now = this.#now();
    this.#places.set(place, now);
    for (const [other, lookedAt] of this.#places) if (now - lookedAt > GONE_MS) this.leave(other);
    if (this.#working) return this.#working === place;
    let next = place;
    for (const other of this.#places.keys()) if (this.#last(other) < this.#last(next)) next = other;
    // Of a key, the first that came.
    for (const other of this.#places.keys()) {
      if (other.key !== next.key) continue;
      next = other;
      break;
    }
    if (next !== place) return false;
    this.#working = place;
    this.#turns.set(place.key, ++this.#turn);
    return true;
  }

  leave(place: Place): void {
    this.#places.delete(place);
    if (this.#working === place) this.#working = null;
    const keys = new Set([...this.#places.keys()].map(({ key }) => key));
    for (const key of this.#turns.keys()) if (!keys.has(key)) this.#turns.delete(key);
  }

  #last({ key }: Place): number {
    return this.#turns.get(key) ?? 0;
  }
}
