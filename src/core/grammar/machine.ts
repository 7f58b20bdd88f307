/**
 * A grammar as a machine that reads bytes. A state is the set of all stacks that the bytes so far allow: what may come
 * next, and what must follow behind it. States are made when they are first reached; equal ones are one object.
 *
 *   {"a": [1, 2      stack   digits or , or ]  →  }  →  end
 *
 * Every state can be completed: what has no text is left out when a grammar is made, so a byte that may follow leads
 * to a text that ends.
 */
import { type Budget, MOST_LOOSE, MOST_STEPS_IN_ALL, nested, tooComplex } from "./budget.ts";
import { ENTRY_BYTES, type Expression, type Expressions, hasByte } from "./expression.ts";
import { Productive } from "./productive.ts";

/** A stack: what comes next, and what is below it. Null is the end. */
interface Stack {
  readonly id: number;
  readonly top: Expression;
  readonly below: Stack | null;
}

export interface State {
  readonly id: number;
  /** Each with something on top that reads a byte. */
  readonly stacks: readonly Stack[];
  /** Whether the text may end here. */
  readonly accepting: boolean;
  /** By class of bytes: undefined where nobody has looked, null where nothing may follow. */
  readonly next: (State | null | undefined)[];
}

/** Stacks of one state at most. */
const MAX_STACKS = 4096;
/** Steps to find all stacks of a state at most; a rule that begins with itself would take endlessly many. */
const MAX_CLOSING = 50_000;
/** Bytes of memory: of a stack and of a state with their entries, beside the state's key and lists. */
const STACK_BYTES = 136;
const STATE_BYTES = 280;

export class Machine {
  readonly start: State;
  readonly #expressions: Expressions;
  readonly #rules: readonly Expression[];
  readonly #productive: Productive;
  readonly #has = (expression: Expression): boolean => this.#productive.has(expression);
  #states = new Map<string, State>();
  /** By the ids of what is on top and of the stack below. */
  #stacks = new Map<number, Stack>();
  #bounded = new Map<Stack, Stack>();
  #stateCount = 0;
  #stackCount = 0;
  #isAtWork = false;
  /** Bytes of what can be forgotten. */
  #loose = 0;

  /**
   * Makes one in slices.
   * @param rules by number, as `rule` expressions name them
   * @returns null where the grammar has no text at all
   */
  static *of(
    expressions: Expressions,
    rules: readonly Expression[],
    start: Expression,
  ): Generator<void, Machine | null> {
    const productive = yield* Productive.of(expressions, rules);
    expressions.settle();
    const machine = new Machine(expressions, rules, start, productive);
    return machine.start.stacks.length > 0 || machine.start.accepting ? machine : null;
  }

  private constructor(
    expressions: Expressions,
    rules: readonly Expression[],
    start: Expression,
    productive: Productive,
  ) {
    this.#expressions = expressions;
    this.#rules = rules;
    this.#productive = productive;
    this.start = this.#close([{ top: start, below: null }]);
    // It is never forgotten.
    this.budget.forget(this.#loose);
    this.budget.take(this.#loose);
    this.#loose = 0;
    this.budget.made();
  }

  get budget(): Budget {
    return this.#expressions.budget;
  }

  /** The class of each byte: bytes of a class are never told apart. */
  get classes(): Uint8Array {
    return this.#expressions.classes.of;
  }

  /** The state after a byte, null where it may not follow. */
  step(state: State, byte: number): State | null {
    const known = state.next[this.classes[byte]!];
    if (known !== undefined) return known;
    this.#isAtWork = true;
    try {
      return nested(() => this.#reach(state, this.classes[byte]!));
    } finally {
      this.#isAtWork = false;
      if (this.budget.loose > MOST_LOOSE) this.forget();
    }
  }

  /**
   * Forgets all that can be made again. Whoever holds a state goes on with it; only what it leads to is looked for
   * anew. Does nothing in the middle of a step.
   */
  forget(): void {
    if (this.#isAtWork) return;
    for (const state of this.#states.values()) state.next.fill(undefined);
    this.start.next.fill(undefined);
    this.#states = new Map();
    this.#stacks = new Map();
    this.#bounded = new Map();
    this.#productive.forget();
    this.#expressions.forget();
    this.budget.forget(this.#loose);
    this.#loose = 0;
  }

  /** The state after several bytes. */
  read(state: State, bytes: Uint8Array): State | null {
    let at: State | null = state;
    for (let i = 0; i < bytes.length && at; i++) at = this.step(at, bytes[i]!);
    return at;
  }

  /** Bytes of which each is the only one that may follow, up to `most`; none where the text may also end. */
  forced(state: State, most: number): number[] {
    const bytes: number[] = [];
    let at: State = state;
    while (bytes.length < most && !at.accepting) {
      const next = this.#only(at);
      if (!next) break;
      bytes.push(next.byte);
      at = next.state;
    }
    return bytes;
  }

  /**
   * A state from which the same texts of up to `length` bytes may follow. Counts that cannot run out in so many bytes
   * are left out, so that a long string has the same state at each of its characters.
   */
  within(state: State, length: number): State {
    const stacks = state.stacks.map((stack) => this.#bound(stack, length));
    if (stacks.every((stack, i) => stack === state.stacks[i])) return state;
    return this.#state(new Set(stacks), state.accepting);
  }

  #only(state: State): { readonly byte: number; readonly state: State } | null {
    let found: { readonly byte: number; readonly state: State } | null = null;
    const { samples, sizes } = this.#expressions.classes;
    for (const [i, byte] of samples.entries()) {
      const next = this.step(state, byte);
      if (!next) continue;
      if (found || sizes[i] !== 1) return null;
      found = { byte, state: next };
    }
    return found;
  }

  #reach(state: State, byteClass: number): State | null {
    const byte = this.#expressions.classes.samples[byteClass]!;
    const reached: { top: Expression; below: Stack | null }[] = [];
    for (const { top, below } of state.stacks) {
      if (top.kind === "bytes") {
        if (hasByte(top.set, byte)) reached.push({ top: this.#expressions.empty, below });
      } else if (top.kind === "fork") {
        const rest = top.fork.step(top.place, byte, this.#has);
        if (rest.kind !== "never") reached.push({ top: rest, below });
      } else {
        const rest = this.#expressions.derivative(top, byte);
        if (!this.#expressions.isEmpty(rest)) reached.push({ top: rest, below });
      }
    }
    const next = reached.length === 0 ? null : this.#close(reached);
    state.next[byteClass] = next;
    return next;
  }

  #close(tops: readonly { readonly top: Expression; readonly below: Stack | null }[]): State {
    const found = new Set<Stack>();
    const seen = new Set<Stack>();
    let accepting = false;
    const open: (Stack | null)[] = tops.map(({ top, below }) => this.#stack(top, below));
    while (open.length > 0) {
      const stack = open.pop()!;
      if (stack === null) {
        accepting = true;
        continue;
      }
      if (seen.has(stack)) continue;
      seen.add(stack);
      if (seen.size > MAX_CLOSING) throw tooComplex();
      const { top, below } = stack;
      if (!this.#has(top)) continue;
      switch (top.kind) {
        case "never":
          break;
        case "empty":
          open.push(below);
          break;
        case "sequence":
          open.push(this.#stack(top.first, this.#stack(top.rest, below)));
          break;
        case "either":
          for (const each of top.of) open.push(this.#stack(each, below));
          break;
        case "repeat": {
          const { item, min, max } = top;
          if (min === 0) open.push(below);
          const rest = this.#expressions.repeat(item, Math.max(0, min - 1), max - 1);
          open.push(this.#stack(item, rest.kind === "empty" ? below : this.#stack(rest, below)));
          break;
        }
        case "rule":
          open.push(this.#stack(this.#rules[top.rule]!, below));
          break;
        default:
          found.add(stack);
          if (top.nullable) open.push(below);
      }
    }
    if (found.size > MAX_STACKS) throw tooComplex();
    return this.#state(found, accepting);
  }

  #state(stacks: ReadonlySet<Stack>, accepting: boolean): State {
    const list = [...stacks].sort((a, b) => a.id - b.id);
    const key = `${accepting ? "." : ""}${list.map(({ id }) => id).join()}`;
    const known = this.#states.get(key);
    if (known) return known;
    const next = new Array(this.#expressions.classes.samples.length);
    this.#remember(STATE_BYTES + key.length + 8 * (list.length + next.length));
    const made = { id: this.#stateCount++, stacks: list, accepting, next };
    this.#states.set(key, made);
    return made;
  }

  #stack(top: Expression, below: Stack | null): Stack {
    const key = (below ? below.id + 1 : 0) * MOST_STEPS_IN_ALL + top.id;
    const known = this.#stacks.get(key);
    if (known) return known;
    this.#remember(STACK_BYTES);
    const stack = { id: this.#stackCount++, top, below };
    this.#stacks.set(key, stack);
    return stack;
  }

  #remember(bytes: number): void {
    this.#loose += bytes;
    this.budget.remember(bytes);
  }

  #bound(stack: Stack, length: number): Stack {
    // As deep as an answer is nested, too deep for calls.
    const open: Stack[] = [];
    let under: Stack | null = null;
    for (let at: Stack | null = stack; at; at = at.below) {
      const known = this.#bounded.get(at);
      if (known) {
        under = known;
        break;
      }
      open.push(at);
    }
    for (const each of open.reverse()) {
      const top = this.#uncounted(each.top, length);
      const bound: Stack = top === each.top && under === each.below ? each : this.#stack(top, under);
      this.#remember(ENTRY_BYTES);
      this.#bounded.set(each, bound);
      under = bound;
    }
    return under!;
  }

  /** What is counted has a stack of its own. */
  #uncounted(top: Expression, length: number): Expression {
    if (top.kind !== "repeat") return top;
    const min = Math.min(top.min, length);
    const max = top.max > length ? Number.POSITIVE_INFINITY : top.max;
    return this.#expressions.repeat(top.item, min, max);
  }
}
