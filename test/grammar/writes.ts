/**
 * Whether a machine lets a value be written, in some order of the keys of its objects: a grammar has the order of its
 * schema, and values of suites have any.
 */
import type { Machine, State } from "../../src/core/grammar/machine.ts";

/** Steps of a search at most. */
const MAX_STEPS = 20_000;

const encoder = new TextEncoder();

/** Null where the search took too long. */
export function writes(machine: Machine, value: unknown): boolean | null {
  const search = new Search(machine);
  try {
    for (const state of search.value(machine.start, value)) if (state.accepting) return true;
    return false;
  } catch (error) {
    if (error === TOO_LONG) return null;
    throw error;
  }
}

const TOO_LONG = new Error("the search takes too long");

class Search {
  readonly #machine: Machine;
  #steps = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  *value(state: State, value: unknown): Generator<State> {
    if (++this.#steps > MAX_STEPS) throw TOO_LONG;
    if (Array.isArray(value)) {
      const open = this.#text(state, "[");
      if (open) yield* this.#items(open, value, 0, new Set());
    } else if (typeof value === "object" && value !== null) {
      const open = this.#text(state, "{");
      if (open) yield* this.#pairs(open, Object.entries(value), true, new Set());
    } else {
      const next = this.#text(state, JSON.stringify(value));
      if (next) yield next;
    }
  }

  /** @param been states and places that were searched already: what they lead to has been told */
  *#items(state: State, items: readonly unknown[], at: number, been: Set<string>): Generator<State> {
    if (!first(been, `${at},${state.id}`)) return;
    if (at === items.length) {
      const closed = this.#text(state, "]");
      if (closed) yield closed;
      return;
    }
    const before = at === 0 ? state : this.#text(state, ",");
    if (!before) return;
    for (const next of this.value(before, items[at])) yield* this.#items(next, items, at + 1, been);
  }

  /** @param been as in `#items`, with the keys that are left */
  *#pairs(
    state: State,
    left: readonly (readonly [string, unknown])[],
    isFirst: boolean,
    been: Set<string>,
  ): Generator<State> {
    if (!first(been, `${state.id},${JSON.stringify(left.map(([key]) => key))}`)) return;
    if (left.length === 0) {
      const closed = this.#text(state, "}");
      if (closed) yield closed;
      return;
    }
    const before = isFirst ? state : this.#text(state, ",");
    if (!before) return;
    for (const [key, value] of left) {
      const behindKey = this.#text(before, `${JSON.stringify(key)}:`);
      if (!behindKey) continue;
      const others = left.filter(([other]) => other !== key);
      for (const next of this.value(behindKey, value)) yield* this.#pairs(next, others, false, been);
    }
  }

  #text(state: State, text: string): State | null {
    return this.#machine.read(state, encoder.encode(text));
  }
}

/** Whether it is the first time. */
function first(been: Set<string>, key: string): boolean {
  if (been.has(key)) return false;
  been.add(key);
  return true;
}
