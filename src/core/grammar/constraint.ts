/**
 * A constraint on an answer over the tokens of a vocabulary: which may follow the answer so far. Edge and origin each
 * compute it from the same `ConstraintSource`, and only the origin's decides.
 */
import { addToken, type Mask } from "../model/token-mask.ts";
import type { Budget } from "./budget.ts";
import type { Machine, State } from "./machine.ts";
import type { TokenTrie } from "./token-trie.ts";

/** Masks that are kept, and their bytes; one takes V / 8. */
const MAX_MASKS = 48;
const MAX_MASK_BYTES = 1024 * 1024;
/** Bytes of a mask beside its bits. */
const MASK_BYTES = 300;
/** Bytes of a forced text at most. */
const MAX_FORCED = 256;

/** How many tokens may follow, no further than two, and which where it is one. */
interface Few {
  readonly count: number;
  readonly token: number | null;
}

/** One compiled constraint, shared by all answers under it. */
export class Constraint {
  readonly #machine: Machine;
  readonly #trie: TokenTrie;
  /** In order of use, the least recent first. */
  readonly #masks = new Map<State, Mask>();
  readonly #few = new WeakMap<State, Few>();

  constructor(machine: Machine, trie: TokenTrie) {
    this.#machine = machine;
    this.#trie = trie;
  }

  get start(): State {
    return this.#machine.start;
  }

  /** What it takes. */
  get budget(): Budget {
    return this.#machine.budget;
  }

  /** Forgets all that can be made again, which answers under way do not notice. */
  forget(): void {
    this.budget.forget(this.#masks.size * this.#maskBytes);
    this.#masks.clear();
    this.#machine.forget();
  }

  get #maskBytes(): number {
    return MASK_BYTES + Math.ceil(this.#trie.size / 8);
  }

  /** The state after a token, null where it may not follow. A token that ends the answer leads nowhere. */
  after(state: State, token: number): State | null {
    const bytes = this.#trie.bytesOf(token);
    return bytes.length === 0 || bytes.length > this.#trie.longest ? null : this.#machine.read(state, bytes);
  }

  /** The mask without the tokens that end an answer; not to be written to. */
  mask(state: State): Mask {
    const key = this.#machine.within(state, this.#trie.longest);
    const known = this.#masks.get(key);
    if (known) {
      this.#masks.delete(key);
      this.#masks.set(key, known);
      return known;
    }
    const mask = new Uint32Array(Math.ceil(this.#trie.size / 32));
    this.#trie.walk(this.#machine, key, (token) => {
      addToken(mask, token);
      return true;
    });
    if (this.#masks.size >= Math.min(MAX_MASKS, MAX_MASK_BYTES / this.#maskBytes)) {
      this.#masks.delete(this.#masks.keys().next().value!);
      this.budget.forget(this.#maskBytes);
    }
    this.budget.remember(this.#maskBytes);
    this.#masks.set(key, mask);
    return mask;
  }

  /** The only token that may follow; null where the answer may end here, or where several may follow. */
  single(state: State): number | null {
    return state.accepting ? null : this.#fewAt(state).token;
  }

  /** Whether nothing but the end may follow. */
  isOver(state: State): boolean {
    return state.accepting && this.#fewAt(state).count === 0;
  }

  #fewAt(state: State): Few {
    const known = this.#few.get(state);
    if (known) return known;
    let token: number | null = null;
    let count = 0;
    this.#trie.walk(this.#machine, state, (found) => {
      token = found;
      return ++count < 2;
    });
    const few = { count, token: count === 1 ? token : null };
    this.#few.set(state, few);
    return few;
  }

  /** The bytes that must follow. */
  forced(state: State): Uint8Array {
    return Uint8Array.from(this.#machine.forced(state, MAX_FORCED));
  }
}
