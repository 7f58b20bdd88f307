/**
 * Which keys stay in fast memory when it cannot hold all: Lee et al. 2024, InfiniGen (arXiv 2406.19707), section 4.4.
 * Here what falls out of it is read again from slow memory, where the paper loses it for good.
 *
 * - `counter`: each use counts. The key with the fewest uses leaves, the oldest of several. When a count is full, all
 *   are halved.
 * - `fifo`: the key that came first leaves.
 * - `lru`: the key that was used longest ago leaves.
 *
 * Keys that a step uses never leave for others of the same step, unless one step uses more than there is room for.
 */
export const REPLACEMENTS = ["counter", "fifo", "lru"] as const;
export type Replacement = (typeof REPLACEMENTS)[number];

/** Counts take a byte. */
const MOST_USES = 255;

export class FastKeys {
  readonly #room: number;
  readonly #replacement: Replacement;
  /** Uses of each key that is held, in the order in which they would leave among equals. */
  readonly #uses = new Map<number, number>();

  /** @param room keys that fit */
  constructor(room: number, replacement: Replacement) {
    this.#room = room;
    this.#replacement = replacement;
  }

  get size(): number {
    return this.#uses.size;
  }

  has(key: number): boolean {
    return this.#uses.has(key);
  }

  /** One step uses these keys, each once. Returns those that have to be fetched, as one batch. */
  use(keys: readonly number[]): number[] {
    const now = new Set(keys);
    const missing = keys.filter((key) => !this.#uses.has(key));
    for (const key of keys) if (this.#uses.has(key)) this.#touch(key);
    for (const key of missing) {
      if (this.#room === 0) break;
      if (this.#uses.size >= this.#room) this.#uses.delete(this.#leaving(now));
      this.#uses.set(key, 1);
    }
    return missing;
  }

  #touch(key: number): void {
    const uses = this.#uses.get(key)! + 1;
    if (this.#replacement === "lru") this.#uses.delete(key);
    this.#uses.set(key, uses);
    if (uses < MOST_USES || this.#replacement !== "counter") return;
    for (const [other, count] of this.#uses) this.#uses.set(other, count >> 1);
  }

  /** The key that leaves next: none of `now` while there is another. */
  #leaving(now: ReadonlySet<number>): number {
    let leaving: number | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    for (const [key, uses] of this.#uses) {
      if (now.has(key)) continue;
      const count = this.#replacement === "counter" ? uses : 0;
      if (count >= fewest) continue;
      leaving = key;
      fewest = count;
      if (count === 0) break;
    }
    return leaving ?? (this.#uses.keys().next().value as number);
  }
}
