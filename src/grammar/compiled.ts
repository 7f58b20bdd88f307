/** Constraints of one vocabulary, compiled once for all answers under them. */
import { Constraint } from "./constraint.ts";
import { type ConstraintSource, compile } from "./source.ts";
import { TokenTrie } from "./token-trie.ts";

export class Compiled {
  readonly #trie: TokenTrie;
  readonly #most: number;
  /** By their JSON, in order of use. */
  readonly #kept = new Map<string, Constraint>();

  /**
   * @param tokens the vocabulary's number of ids, and what each adds to a text
   * @param most constraints that are kept. With a vocabulary of 151,936 tokens most take less than 2 MB each with their
   *   masks, and few up to 6
   */
  constructor(tokens: { readonly size: number; bytesOf(id: number): Uint8Array }, most: number) {
    this.#most = most;
    this.#trie = new TokenTrie(tokens.size, (id) => tokens.bytesOf(id));
  }

  /** Throws what `compile` throws. */
  of(source: ConstraintSource): Constraint {
    const key = JSON.stringify(source);
    const constraint = this.#kept.get(key) ?? new Constraint(compile(source), this.#trie);
    this.#kept.delete(key);
    if (this.#kept.size >= this.#most) this.#kept.delete(this.#kept.keys().next().value!);
    this.#kept.set(key, constraint);
    return constraint;
  }
}
