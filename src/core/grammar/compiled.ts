/**
 * Constraints of one vocabulary, compiled once for all answers under them, and kept by the bytes that they take. One
 * is compiled at a time, in slices, and keys take turns. Where there is no room, what no answer needs goes first, then
 * what can be made again.
 */
import { Budget, MOST_LASTING, MOST_LOOSE, type Purse } from "./budget.ts";
import { Constraint } from "./constraint.ts";
import { type Place, Rota } from "./rota.ts";
import { type ConstraintSource, compiled } from "./source.ts";
import { TokenTrie } from "./token-trie.ts";

/** Steps of a slice: some milliseconds. */
const SLICE_STEPS = 250;
/** A constraint that has taken so many steps is made anew for the next answer: ids have an end. */
const WORN_STEPS = 2 ** 25;
/** Bytes of all constraints in an isolate, which has 128 MB for everything. */
export const BYTES_OF_ISOLATE = 8 * 1024 * 1024;
/** Bytes of one constraint at most. */
export const MOST_OF_ONE = MOST_LASTING + MOST_LOOSE;

/** A constraint while an answer is held to it. */
export interface Held {
  readonly constraint: Constraint;
  /** The answer is over. May be called again. */
  leave(): void;
}

interface Kept {
  readonly constraint: Constraint;
  /** Answers that are held to it. */
  users: number;
  /** No further answer is. */
  isWorn: boolean;
}

/** What the thread that all share is to its constraints. */
interface Thread {
  /** Lets its other work run. */
  pause(): Promise<void>;
  /** Milliseconds. */
  now(): number;
}

export class Compiled implements Purse {
  readonly #trie: TokenTrie;
  readonly #most: number;
  readonly #thread: Thread;
  /** By their JSON, in order of use. */
  readonly #kept = new Map<string, Kept>();
  readonly #rota: Rota;
  #bytes = 0;

  /**
   * @param tokens the vocabulary's number of ids, and what each adds to a text
   * @param most bytes that are kept, at least MOST_OF_ONE
   */
  constructor(tokens: { readonly size: number; bytesOf(id: number): Uint8Array }, most: number, thread: Thread) {
    this.#most = most;
    this.#thread = thread;
    this.#rota = new Rota(thread.now);
    this.#trie = new TokenTrie(tokens.size, (id) => tokens.bytesOf(id));
  }

  /** What all constraints take. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Holds an answer to a constraint. Null where other answers need all the room. Rejects with what `compile` throws.
   * @param key in whose turn it is compiled
   */
  async of(source: ConstraintSource, key: string): Promise<Held | null> {
    const name = JSON.stringify(source);
    const known = this.#use(name);
    if (known) return known;
    const place = this.#rota.join(key);
    try {
      for (;;) {
        // Another may have asked for the same meanwhile.
        const made = this.#use(name);
        if (made) return made;
        if (this.#rota.isTurn(place)) break;
        await this.#thread.pause();
      }
      return (await this.#compile(source, name, place)) ? this.#use(name) : null;
    } finally {
      this.#rota.leave(place);
    }
  }

  /** Bytes more, or less. */
  spend(bytes: number): void {
    this.#bytes += bytes;
    if (bytes > 0 && this.#bytes > this.#most) this.#makeRoom();
  }

  #use(name: string): Held | null {
    const kept = this.#kept.get(name);
    if (!kept) return null;
    this.#kept.delete(name);
    if (kept.constraint.budget.steps > WORN_STEPS) {
      kept.isWorn = true;
      if (kept.users === 0) kept.constraint.budget.end();
      return null;
    }
    this.#kept.set(name, kept);
    kept.users++;
    let isHeld = true;
    const leave = () => {
      if (!isHeld) return;
      isHeld = false;
      if (--kept.users === 0 && kept.isWorn) kept.constraint.budget.end();
    };
    return { constraint: kept.constraint, leave };
  }

  /** Whether there was room for it. */
  async #compile(source: ConstraintSource, name: string, place: Place): Promise<boolean> {
    let needed = MOST_OF_ONE;
    for (const { users, constraint } of this.#kept.values()) if (users > 0) needed += constraint.budget.lasting;
    if (needed > this.#most) return false;
    const budget = new Budget(this);
    try {
      budget.take(bytesOf(name));
      const compiling = compiled(source, budget);
      let slice = 0;
      for (;;) {
        const { done, value } = compiling.next();
        if (done) {
          this.#kept.set(name, { constraint: new Constraint(value, this.#trie), users: 0, isWorn: false });
          return true;
        }
        if (budget.steps - slice < SLICE_STEPS) continue;
        slice = budget.steps;
        await this.#thread.pause();
        this.#rota.isTurn(place);
      }
    } catch (error) {
      budget.end();
      throw error;
    }
  }

  #makeRoom(): void {
    for (const [name, { users, constraint }] of this.#kept) {
      if (this.#bytes <= this.#most) return;
      if (users > 0) continue;
      this.#kept.delete(name);
      constraint.budget.end();
    }
    for (const { constraint } of this.#kept.values()) {
      if (this.#bytes <= this.#most) return;
      constraint.forget();
    }
  }
}

const bytesOf = (text: string): number => (/[^\0-\xff]/.test(text) ? 2 : 1) * text.length;
