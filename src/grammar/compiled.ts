/** Constraints of one vocabulary, compiled once for all answers under them. */
import { Constraint } from "./constraint.ts";
import { type ConstraintSource, compile } from "./source.ts";
import { TokenTrie } from "./token-trie.ts";

/** Kept at most; each has some masks of V / 8 bytes. */
const MAX_KEPT = 8;

export class Compiled {
  readonly #trie: TokenTrie;
  /** By their JSON, in order of use. */
  readonly #kept = new Map<string, Constraint>();

  /** @param tokens the vocabulary's number of ids, and what each adds to a text */
  constructor(tokens: { readonly size: number; bytesOf(id: number): Uint8Array }) {
    this.#trie = new TokenTrie(tokens.size, (id) => tokens.bytesOf(id));
  }

  /** Throws what `compile` throws. */
  of(source: ConstraintSource): Constraint {
    const key = JSON.stringify(source);
    const constraint = this.#kept.get(key) ?? new Constraint(compile(source), this.#trie);
    this.#kept.delete(key);
    if (this.#kept.size >= MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value!);
    this.#kept.set(key, constraint);
    return constraint;
  }
}
