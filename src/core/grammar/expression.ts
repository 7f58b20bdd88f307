/**
 * Languages over bytes as expressions. Equal expressions are one object, so that identity can stand for equality and
 * derivatives end in finitely many. Everything but rules and forks is regular; regular expressions have derivatives
 * (Brzozowski 1964, "Derivatives of regular expressions"; Owens, Reppy, Turon 2009 for intersection and complement).
 *
 * What a grammar is made of lasts. What is derived from it later can be derived again, so it is forgotten where it
 * takes too much memory; whoever holds such an expression goes on with it.
 */
import { finished } from "../model/sliced.ts";
import { type Budget, MOST_LOOSE, tooComplex } from "./budget.ts";
import { ByteClasses } from "./byte-classes.ts";
import { bytesIn, bytesOf, narrowed, sortedBytes } from "./sorted-texts.ts";

/** A table that reads one byte after the other, for what is easier counted than spelt, such as numbers. */
export interface Table {
  readonly start: string;
  /** The state after a byte, null where nothing may follow. */
  step(state: string, byte: number): string | null;
  accepts(state: string): boolean;
}

/**
 * Ways that part byte by byte and go on each with an expression of its own, such as the properties of an object. What
 * lies behind a byte is made only once somebody goes there: written out, n properties would be n² ways.
 */
export interface Fork {
  /** What may follow a byte at a place; `never` where nothing may. */
  step(place: Place, byte: number, has: Has): Expression;
  /** Whether a text leads on from a place. */
  isProductive(place: Place, has: Has): boolean;
  /** The same at its beginning, before that is known: of each of these, so many must have a text. */
  readonly needs: readonly { readonly of: readonly Expression[]; readonly least: number }[];
}

/** Whether an expression has a text at all. */
export type Has = (expression: Expression) => boolean;

/** Where one is in a fork. Its numbers are the fork's own. */
export type Place = readonly number[];

interface Base {
  readonly id: number;
  /** Whether it has the empty text. Rules and forks are taken to have none. */
  readonly nullable: boolean;
}

export type Expression = Base &
  (
    | { readonly kind: "never" }
    | { readonly kind: "empty" }
    /** One byte: bit b % 32 of word b / 32 tells whether b is among them. */
    | { readonly kind: "bytes"; readonly set: Uint32Array }
    /** A text's bytes from `at` on, two at least; each character is a byte. `whole` names the text. */
    | { readonly kind: "text"; readonly text: string; readonly at: number; readonly whole: number }
    /** Of sorted texts, those from `from` up to `to`, without their first `at` bytes, which they share. */
    | {
        readonly kind: "among";
        readonly texts: readonly string[];
        readonly from: number;
        readonly to: number;
        readonly at: number;
        readonly whole: number;
      }
    | { readonly kind: "sequence"; readonly first: Expression; readonly rest: Expression }
    | { readonly kind: "either"; readonly of: readonly Expression[] }
    | { readonly kind: "repeat"; readonly item: Expression; readonly min: number; readonly max: number }
    | { readonly kind: "all"; readonly of: readonly Expression[] }
    | { readonly kind: "not"; readonly item: Expression }
    | { readonly kind: "table"; readonly table: Table; readonly state: string }
    | { readonly kind: "fork"; readonly fork: Fork; readonly place: Place }
    /** What a rule of the grammar says; rules may refer to each other in circles. */
    | { readonly kind: "rule"; readonly rule: number }
  );

/** The parts without the id. */
type Parts = Expression extends infer E ? (E extends Base ? Omit<E, keyof Base> : never) : never;

/** Derivatives that are looked at to find out whether an intersection is empty. */
const MAX_LOOKED_AT = 4096;

/** Bytes of memory: of an expression with its entry among the known ones, beside its key and its lists. */
const EXPRESSION_BYTES = 184;
/** Of an entry of a map. */
export const ENTRY_BYTES = 56;
/** Of a small typed array. */
const ARRAY_BYTES = 280;
/** Of a table with its bounds. */
const TABLE_BYTES = 1500;

export class Expressions {
  readonly budget: Budget;
  readonly never: Expression;
  readonly empty: Expression;
  readonly classes = new ByteClasses();
  readonly #tables = new Map<Table, number>();
  readonly #forks = new Map<Fork, number>();
  /** By what they consist of. */
  readonly #lasting = new Map<string, Expression>();
  /** Those that were only met on the way through others, or made since `settle`. */
  #derived = new Map<string, Expression>();
  /** By id and byte. */
  #derivatives = new Map<number, Expression>();
  #isEmpty = new Map<Expression, boolean>();
  /** Whether what is made now is derived. */
  #derives = false;
  #count = 0;
  /** Bytes of what can be forgotten. */
  #loose = 0;

  constructor(budget: Budget) {
    this.budget = budget;
    this.never = this.#make("n", { kind: "never" }, false);
    this.empty = this.#make("e", { kind: "empty" }, true);
  }

  /** Ids so far are smaller. */
  get count(): number {
    return this.#count;
  }

  /** All that a grammar consists of is made: what follows is derived from it. */
  settle(): void {
    this.forget();
    this.#derives = true;
  }

  /** All that a grammar consists of so far. */
  lasting(): Iterable<Expression> {
    return this.#lasting.values();
  }

  /** Forgets what was derived. */
  forget(): void {
    this.#derived = new Map();
    this.#derivatives = new Map();
    this.#isEmpty = new Map();
    this.budget.forget(this.#loose);
    this.#loose = 0;
  }

  /** One byte out of [from, to]. */
  range(from: number, to: number): Expression {
    const set = new Uint32Array(8);
    for (let byte = from; byte <= to; byte++) set[byte >> 5]! |= 1 << (byte & 31);
    return this.bytes(set);
  }

  bytes(set: Uint32Array): Expression {
    if (set.every((word) => word === 0)) return this.never;
    const key = `b${set.join()}`;
    const known = this.#find(key);
    if (known) return known;
    if (!this.#derives) this.classes.split((byte) => (hasByte(set, byte) ? 1 : 0));
    return this.#make(key, { kind: "bytes", set }, false, ARRAY_BYTES);
  }

  text(text: string): Expression {
    return this.#literal(bytesIn(text));
  }

  /** @param text whose characters are bytes */
  #literal(text: string): Expression {
    if (text === "") return this.empty;
    const key = `w${text}`;
    const known = this.#find(key);
    if (known) return known;
    if (!this.#derives) for (let at = 0; at < text.length; at++) this.classes.splitOff(text.charCodeAt(at));
    if (text.length === 1) return this.range(text.charCodeAt(0), text.charCodeAt(0));
    return this.#make(key, { kind: "text", text, at: 0, whole: this.#count }, false, text.length);
  }

  #behind(text: string, at: number, whole: number): Expression {
    if (at === text.length) return this.empty;
    if (at === text.length - 1) return this.range(text.charCodeAt(at), text.charCodeAt(at));
    return this.#make(`v${whole},${at}`, { kind: "text", text, at, whole }, false);
  }

  /** One of these texts. */
  oneOf(texts: readonly string[]): Expression {
    const sorted = sortedBytes(texts);
    if (sorted.length === 0) return this.never;
    if (sorted.length === 1) return this.#literal(sorted[0]!);
    const key = `p${JSON.stringify(sorted)}`;
    const known = this.#find(key);
    if (known) return known;
    for (const text of sorted) {
      for (let at = 0; at < text.length; at++) this.classes.splitOff(text.charCodeAt(at));
      this.budget.work(1 + text.length);
    }
    const bytes = bytesOf(sorted);
    const parts = { kind: "among", texts: sorted, from: 0, to: sorted.length, at: 0, whole: this.#count } as const;
    return this.#make(key, parts, sorted[0] === "", bytes);
  }

  #among(texts: readonly string[], from: number, to: number, at: number, whole: number): Expression {
    if (to - from === 1) {
      const text = texts[from]!;
      if (at === text.length) return this.empty;
      if (at === text.length - 1) return this.range(text.charCodeAt(at), text.charCodeAt(at));
      return this.#make(`q${whole},${from},${at}`, { kind: "text", text, at, whole: this.#count }, false);
    }
    const parts = { kind: "among", texts, from, to, at, whole } as const;
    return this.#make(`m${whole},${from},${to},${at}`, parts, texts[from]!.length === at);
  }

  join(first: Expression, rest: Expression): Expression {
    if (first.kind === "never" || rest.kind === "never") return this.never;
    if (first.kind === "empty") return rest;
    if (rest.kind === "empty") return first;
    const parts: Expression[] = [];
    let last: Expression = first;
    for (; last.kind === "sequence"; last = last.rest) parts.push(last.first);
    const pair = (part: Expression, all: Expression): Expression =>
      this.#make(`s${part.id},${all.id}`, { kind: "sequence", first: part, rest: all }, part.nullable && all.nullable);
    return parts.reduceRight((all, part) => pair(part, all), pair(last, rest));
  }

  sequence(parts: readonly Expression[]): Expression {
    return parts.reduceRight((rest, first) => this.join(first, rest), this.empty);
  }

  either(of: readonly Expression[]): Expression {
    const flat = new Set<Expression>();
    for (const each of of) {
      if (each.kind === "either") for (const inner of each.of) flat.add(inner);
      else if (each.kind !== "never") flat.add(each);
    }
    if (flat.size === 0) return this.never;
    this.budget.work(flat.size);
    const list = [...flat].sort(byId);
    if (list.length === 1) return list[0]!;
    const nullable = list.some((each) => each.nullable);
    return this.#make(`o${ids(list)}`, { kind: "either", of: list }, nullable, 8 * list.length);
  }

  /** @param max may be Infinity */
  repeat(item: Expression, min: number, max: number): Expression {
    if (max === 0 || item.kind === "empty") return this.empty;
    if (item.kind === "never") return min === 0 ? this.empty : this.never;
    if (min === 1 && max === 1) return item;
    return this.#make(`r${item.id},${min},${max}`, { kind: "repeat", item, min, max }, min === 0 || item.nullable);
  }

  optional(item: Expression): Expression {
    return this.either([this.empty, item]);
  }

  /** What is in all of these regular expressions. */
  all(of: readonly Expression[]): Expression {
    const flat = new Set<Expression>();
    for (const each of of) {
      if (each.kind === "never") return this.never;
      if (each.kind === "all") for (const inner of each.of) flat.add(inner);
      else flat.add(each);
    }
    this.budget.work(flat.size);
    const list = [...flat].sort(byId);
    if (list.length === 1) return list[0]!;
    const nullable = list.every((each) => each.nullable);
    return this.#make(`a${ids(list)}`, { kind: "all", of: list }, nullable, 8 * list.length);
  }

  /** Every text of bytes that a regular expression does not have. */
  not(item: Expression): Expression {
    if (item.kind === "not") return item.item;
    return this.#make(`x${item.id}`, { kind: "not", item }, !item.nullable);
  }

  table(table: Table, state = table.start): Expression {
    if (!this.#tables.has(table)) {
      this.classes.splitNumeric();
      this.budget.take(TABLE_BYTES);
    }
    const number = this.#numberOf(table, this.#tables);
    return this.#make(`t${number},${state}`, { kind: "table", table, state }, table.accepts(state), state.length);
  }

  /** @param texts of which the fork reads bytes */
  fork(fork: Fork, place: Place, texts: readonly string[] = []): Expression {
    for (const text of texts) for (let at = 0; at < text.length; at++) this.classes.splitOff(text.charCodeAt(at));
    const number = this.#numberOf(fork, this.#forks);
    return this.#make(`f${number},${place.join()}`, { kind: "fork", fork, place }, false, 16 * place.length);
  }

  #numberOf<T>(key: T, numbers: Map<T, number>): number {
    const known = numbers.get(key);
    if (known !== undefined) return known;
    numbers.set(key, numbers.size);
    return numbers.size - 1;
  }

  rule(rule: number): Expression {
    return this.#make(`u${rule}`, { kind: "rule", rule }, false);
  }

  /** What may follow `byte` in the texts of a regular expression. */
  derivative(expression: Expression, byte: number): Expression {
    switch (expression.kind) {
      case "never":
      case "empty":
        return this.never;
      case "bytes":
        return hasByte(expression.set, byte) ? this.empty : this.never;
      case "text": {
        const { text, at, whole } = expression;
        return text.charCodeAt(at) === byte ? this.#behind(text, at + 1, whole) : this.never;
      }
      default: {
        const key = expression.id * 256 + byte;
        const known = this.#derivatives.get(key);
        if (known) return known;
        const found = this.#derive(expression, byte);
        // Most bytes lead nowhere, and that is soon found.
        if (found.kind === "never") return found;
        this.#remember(ENTRY_BYTES);
        this.#derivatives.set(key, found);
        return found;
      }
    }
  }

  #derive(expression: Expression, byte: number): Expression {
    switch (expression.kind) {
      case "sequence": {
        const { first, rest } = expression;
        const inside = this.join(this.derivative(first, byte), rest);
        return first.nullable ? this.either([inside, this.derivative(rest, byte)]) : inside;
      }
      case "among": {
        const { texts, at, whole } = expression;
        const [from, to] = narrowed(texts, expression.from, expression.to, at, byte);
        return from === to ? this.never : this.#among(texts, from, to, at + 1, whole);
      }
      case "either":
        return this.either(expression.of.map((each) => this.derivative(each, byte)));
      case "repeat": {
        const { item, min, max } = expression;
        return this.join(this.derivative(item, byte), this.repeat(item, Math.max(0, min - 1), max - 1));
      }
      case "all":
        return this.all(expression.of.map((each) => this.derivative(each, byte)));
      case "not":
        return this.not(this.derivative(expression.item, byte));
      case "table": {
        const next = expression.table.step(expression.state, byte);
        return next === null ? this.never : this.table(expression.table, next);
      }
      default:
        return this.never;
    }
  }

  /** Whether a regular expression has no text at all. */
  isEmpty(expression: Expression): boolean {
    const { kind, nullable } = expression;
    if (kind === "never") return true;
    if (nullable || kind === "bytes" || kind === "text" || kind === "among") return false;
    const known = this.#isEmpty.get(expression);
    if (known !== undefined) return known;
    return finished(this.seekEmpty(expression));
  }

  /** The same in slices, of an expression of which it is not known; kept. */
  *seekEmpty(expression: Expression): Generator<void, boolean> {
    const seen = new Set([expression]);
    let empty = true;
    search: for (const each of seen) {
      yield;
      if (each.nullable || this.#isEmpty.get(each) === false) {
        empty = false;
        break;
      }
      if (seen.size > MAX_LOOKED_AT) throw tooComplex();
      // Bytes of a class lead to one derivative.
      for (const byte of this.classes.samples) {
        const next = this.#deriving(() => this.derivative(each, byte));
        if (next.kind === "never") continue;
        seen.add(next);
        if (next.nullable) {
          empty = false;
          break search;
        }
      }
    }
    // What was reached from an empty language is empty, too.
    for (const each of empty ? seen : [expression]) {
      this.#remember(ENTRY_BYTES);
      this.#isEmpty.set(each, empty);
    }
    return empty;
  }

  /** Whether a regular expression has a text. */
  has(expression: Expression, text: string): boolean {
    return this.#deriving(() => {
      const bytes = bytesIn(text);
      let rest = expression;
      for (let at = 0; at < bytes.length; at++) {
        rest = this.derivative(rest, bytes.charCodeAt(at));
        if (this.budget.loose > MOST_LOOSE) this.forget();
      }
      return rest.nullable;
    });
  }

  /** What is made meanwhile is no part of the grammar. */
  #deriving<T>(work: () => T): T {
    const derived = this.#derives;
    this.#derives = true;
    try {
      return work();
    } finally {
      this.#derives = derived;
    }
  }

  #find(key: string): Expression | undefined {
    return this.#lasting.get(key) ?? (this.#derives ? this.#derived.get(key) : undefined);
  }

  /** @param bytes of memory beside the key's and the expression's own */
  #make(key: string, parts: Parts, nullable: boolean, bytes = 0): Expression {
    const known = this.#find(key);
    if (known) return known;
    const all = EXPRESSION_BYTES + key.length + bytes;
    if (this.#derives) this.#remember(all);
    else this.budget.take(all);
    const made = { id: this.#count++, nullable, ...parts } as Expression;
    (this.#derives ? this.#derived : this.#lasting).set(key, made);
    return made;
  }

  #remember(bytes: number): void {
    this.#loose += bytes;
    this.budget.remember(bytes);
  }
}

export const hasByte = (set: Uint32Array, byte: number): boolean => ((set[byte >> 5]! >>> (byte & 31)) & 1) === 1;

const byId = (a: Expression, b: Expression): number => a.id - b.id;
const ids = (list: readonly Expression[]): string => list.map(({ id }) => id).join();
