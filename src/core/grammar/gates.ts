/**
 * Expressions as gates over others: one opens when enough of the expressions are open that each of its conditions
 * names. What opens tells those that it is a part of, each once (Dowling, Gallier 1984, linear-time satisfiability of
 * Horn formulae).
 */
import type { Expression } from "./expression.ts";

/** One condition: so many of these. */
export interface Needs {
  readonly of: readonly Expression[];
  readonly least: number;
}

export class Gates {
  /** By the ids of expressions. */
  readonly isOpen: Uint8Array;
  /** Conditions that are not met yet, by expression. */
  readonly #unmet: Uint32Array;
  /** By condition: whose it is, and how many more must open. */
  readonly #owners: number[] = [];
  readonly #least: number[] = [];
  /** By expression: the conditions that it is a part of. */
  readonly #partOf: number[][] = [];
  readonly #opened: number[] = [];

  constructor(count: number) {
    this.isOpen = new Uint8Array(count);
    this.#unmet = new Uint32Array(count);
  }

  /** @param needs null: it never opens */
  add({ id }: Expression, needs: readonly Needs[] | null): void {
    if (!needs) return;
    for (const { of, least } of needs) {
      if (least === 0) continue;
      this.#unmet[id]!++;
      const condition = this.#owners.push(id) - 1;
      this.#least.push(least);
      for (const part of of) {
        this.#partOf[part.id] ??= [];
        this.#partOf[part.id]!.push(condition);
      }
    }
    if (this.#unmet[id] === 0) this.#opened.push(id);
  }

  open(): void {
    for (let id = this.#opened.pop(); id !== undefined; id = this.#opened.pop()) {
      this.isOpen[id] = 1;
      for (const condition of this.#partOf[id] ?? []) {
        if (--this.#least[condition]! !== 0) continue;
        const owner = this.#owners[condition]!;
        if (--this.#unmet[owner]! === 0) this.#opened.push(owner);
      }
    }
  }
}
