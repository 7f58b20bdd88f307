/**
 * A grammar as a machine that reads bytes. A state is the set of all stacks that the bytes so far allow: what may come
 * next, and what must follow behind it. States are made when they are first reached; equal ones are one object.
 *
 *   {"a": [1, 2      stack   digits or , or ]  →  }  →  end
 *
 * Every state can be completed: what has no text is left out when a grammar is made, so a byte that may follow leads
 * to a text that ends.
 */
import { type Expression, type Expressions, hasByte, nested, tooComplex } from "./expression.ts";
import { isProductive, productiveRules } from "./productive.ts";

/** A stack: what comes next, and what is below it. Null is the end. */
interface Stack {
  readonly id: number;
  readonly top: Expression;
  readonly below: Stack | null;
}

export interface State {
  readonly id: number;
  /** Each with bytes, an intersection, a complement or a table on top. */
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
/** Remembered at most; beyond it memory is given back and states are made again. */
const MAX_STATES = 8192;

export class Machine {
  readonly start: State;
  /** The class of each byte: bytes of a class are never told apart. */
  readonly classes: Uint8Array;
  /** One byte of each class. */
  readonly #samples: readonly number[];
  /** How many bytes each class has. */
  readonly #sizes: readonly number[];
  readonly #expressions: Expressions;
  readonly #rules: readonly Expression[];
  readonly #ruleProductive: boolean[];
  readonly #productive = new Map<Expression, boolean>();
  #states = new Map<string, State>();
  #stacks = new Map<number, Map<number, Stack>>();
  #bounded = new Map<Stack, Stack>();
  #stateCount = 0;
  #stackCount = 0;

  /**
   * @param rules by number, as `rule` expressions name them
   * @returns null where the grammar has no text at all
   */
  static of(expressions: Expressions, rules: readonly Expression[], start: Expression): Machine | null {
    const machine = new Machine(expressions, rules, start);
    return machine.start.stacks.length > 0 || machine.start.accepting ? machine : null;
  }

  private constructor(expressions: Expressions, rules: readonly Expression[], start: Expression) {
    this.#expressions = expressions;
    this.#rules = rules;
    this.#ruleProductive = productiveRules(expressions, rules);
    const { classes, samples, sizes } = classesOf(expressions);
    this.classes = classes;
    this.#samples = samples;
    this.#sizes = sizes;
    this.start = this.#close([{ top: start, below: null }]);
  }

  /** The state after a byte, null where it may not follow. */
  step(state: State, byte: number): State | null {
    const known = state.next[this.classes[byte]!];
    return known === undefined ? nested(() => this.#reach(state, this.classes[byte]!)) : known;
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
    for (let i = 0; i < this.#samples.length; i++) {
      const next = this.step(state, this.#samples[i]!);
      if (!next) continue;
      if (found || this.#sizes[i] !== 1) return null;
      found = { byte: this.#samples[i]!, state: next };
    }
    return found;
  }

  #reach(state: State, byteClass: number): State | null {
    const byte = this.#samples[byteClass]!;
    const reached: { top: Expression; below: Stack | null }[] = [];
    for (const { top, below } of state.stacks) {
      if (top.kind === "bytes") {
        if (hasByte(top.set, byte)) reached.push({ top: this.#expressions.empty, below });
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
      if (!this.#isProductive(top)) continue;
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
          if (top.kind !== "bytes" && this.#expressions.nullable(top)) open.push(below);
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
    if (this.#states.size >= MAX_STATES) this.#forget();
    const made = { id: this.#stateCount++, stacks: list, accepting, next: new Array(this.#samples.length) };
    this.#states.set(key, made);
    return made;
  }

  /** Whoever holds a state goes on with it; its stacks stay what they are, and only lose their other references. */
  #forget(): void {
    this.#states = new Map();
    this.#bounded = new Map();
  }

  #stack(top: Expression, below: Stack | null): Stack {
    const belowId = below?.id ?? -1;
    let byTop = this.#stacks.get(belowId);
    if (!byTop) {
      byTop = new Map();
      this.#stacks.set(belowId, byTop);
    }
    let stack = byTop.get(top.id);
    if (!stack) {
      stack = { id: this.#stackCount++, top, below };
      byTop.set(top.id, stack);
    }
    return stack;
  }

  #bound(stack: Stack, length: number): Stack {
    const known = this.#bounded.get(stack);
    if (known) return known;
    const { top, below } = stack;
    const under = below && this.#bound(below, length);
    const bound = this.#stack(this.#uncounted(top, length), under);
    this.#bounded.set(stack, bound);
    return bound;
  }

  #uncounted(top: Expression, length: number): Expression {
    if (top.kind === "sequence") {
      return this.#expressions.join(this.#uncounted(top.first, length), this.#uncounted(top.rest, length));
    }
    if (top.kind !== "repeat") return top;
    const min = Math.min(top.min, length);
    const max = top.max > length ? Number.POSITIVE_INFINITY : top.max;
    return this.#expressions.repeat(top.item, min, max);
  }

  #isProductive(expression: Expression): boolean {
    return isProductive(this.#expressions, expression, this.#ruleProductive, this.#productive);
  }
}

/** Bytes that no set and no table tells apart. */
function classesOf({ sets, tables }: Expressions) {
  const classes = new Uint8Array(256);
  let count = 1;
  const split = (among: (byte: number) => number): void => {
    const known = new Map<number, number>();
    count = 0;
    for (let byte = 0; byte < 256; byte++) {
      const key = classes[byte]! * 512 + among(byte);
      let number = known.get(key);
      if (number === undefined) {
        number = count++;
        known.set(key, number);
      }
      classes[byte] = number;
    }
  };
  for (const set of sets) split((byte) => (hasByte(set, byte) ? 1 : 0));
  // A table is asked for every byte that a number may have.
  if (tables.size > 0) split((byte) => (NUMERIC.includes(byte) ? byte : 0));
  const samples: number[] = [];
  const sizes: number[] = [];
  for (let byte = 0; byte < 256; byte++) {
    const own = classes[byte]!;
    samples[own] ??= byte;
    sizes[own] = (sizes[own] ?? 0) + 1;
  }
  return { classes, samples, sizes };
}

/** Bytes that tables read: those of a number. */
const NUMERIC = [..."0123456789-+.eE"].map((char) => char.charCodeAt(0));
