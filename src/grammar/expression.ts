/**
 * Languages over bytes as expressions. Equal expressions are one object, so that identity can stand for equality and
 * derivatives end in finitely many. Everything but `Ref` is regular; regular expressions have derivatives (Brzozowski
 * 1964, "Derivatives of regular expressions"; Owens, Reppy, Turon 2009 for intersection and complement).
 */
import { OutriderError } from "../model/errors.ts";

/** A table that reads one byte after the other, for what is easier counted than spelt, such as numbers. */
export interface Table {
  readonly start: number;
  /** The state after a byte, −1 where nothing may follow. */
  step(state: number, byte: number): number;
  accepts(state: number): boolean;
}

interface Base {
  readonly id: number;
}

export type Expression = Base &
  (
    | { readonly kind: "never" }
    | { readonly kind: "empty" }
    /** One byte: bit b % 32 of word b / 32 tells whether b is among them. */
    | { readonly kind: "bytes"; readonly set: Uint32Array }
    | { readonly kind: "sequence"; readonly first: Expression; readonly rest: Expression }
    | { readonly kind: "either"; readonly of: readonly Expression[] }
    | { readonly kind: "repeat"; readonly item: Expression; readonly min: number; readonly max: number }
    | { readonly kind: "all"; readonly of: readonly Expression[] }
    | { readonly kind: "not"; readonly item: Expression }
    | { readonly kind: "table"; readonly table: Table; readonly state: number }
    /** What a rule of the grammar says; rules may refer to each other in circles. */
    | { readonly kind: "rule"; readonly rule: number }
  );

/** The parts without the id. */
type Parts = Expression extends infer E ? (E extends Base ? Omit<E, "id"> : never) : never;

/** Expressions of one grammar at most: what a client sends must not fill the memory. */
const MAX_EXPRESSIONS = 400_000;
/** Derivatives that are looked at to find out whether an intersection is empty. */
const MAX_LOOKED_AT = 4096;

export class Expressions {
  readonly never: Expression;
  readonly empty: Expression;
  /** Sets of bytes that occur. */
  readonly sets: Uint32Array[] = [];
  readonly tables = new Map<Table, number>();
  readonly #known = new Map<string, Expression>();
  readonly #derivatives = new Map<Expression, Map<number, Expression>>();
  readonly #nullable = new Map<Expression, boolean>();
  readonly #isEmpty = new Map<Expression, boolean>();
  #count = 0;

  constructor() {
    this.never = this.#make("n", { kind: "never" });
    this.empty = this.#make("e", { kind: "empty" });
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
    const known = this.#known.get(key);
    if (known) return known;
    this.sets.push(set);
    return this.#make(key, { kind: "bytes", set });
  }

  /** Exactly these bytes. */
  literal(bytes: Uint8Array): Expression {
    let all = this.empty;
    for (let at = bytes.length - 1; at >= 0; at--) all = this.join(this.range(bytes[at]!, bytes[at]!), all);
    return all;
  }

  text(text: string): Expression {
    return this.literal(encoder.encode(text));
  }

  /** One of these texts, with common beginnings shared. */
  oneOf(texts: readonly string[]): Expression {
    return this.#oneOf(
      [...new Set(texts)].map((text) => encoder.encode(text)),
      0,
    );
  }

  #oneOf(texts: readonly Uint8Array[], at: number): Expression {
    const [one] = texts;
    if (texts.length === 1) return this.literal(one!.subarray(at));
    // As deep as beginnings fork, not as long as they are.
    let end = at;
    while (end < one!.length && texts.every((text) => text[end] === one![end])) end++;
    if (end > at) return this.join(this.literal(one!.subarray(at, end)), this.#oneOf(texts, end));
    const byFirst = new Map<number, Uint8Array[]>();
    const of: Expression[] = [];
    for (const text of texts) {
      if (text.length === at) of.push(this.empty);
      else {
        const list = byFirst.get(text[at]!);
        if (list) list.push(text);
        else byFirst.set(text[at]!, [text]);
      }
    }
    for (const [byte, list] of byFirst) of.push(this.join(this.range(byte, byte), this.#oneOf(list, at + 1)));
    return this.either(of);
  }

  join(first: Expression, rest: Expression): Expression {
    if (first.kind === "never" || rest.kind === "never") return this.never;
    if (first.kind === "empty") return rest;
    if (rest.kind === "empty") return first;
    const parts: Expression[] = [];
    let last: Expression = first;
    for (; last.kind === "sequence"; last = last.rest) parts.push(last.first);
    const pair = (part: Expression, all: Expression): Expression =>
      this.#make(`s${part.id},${all.id}`, { kind: "sequence", first: part, rest: all });
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
    const list = [...flat].sort(byId);
    if (list.length === 1) return list[0]!;
    return this.#make(`o${ids(list)}`, { kind: "either", of: list });
  }

  /** @param max may be Infinity */
  repeat(item: Expression, min: number, max: number): Expression {
    if (max === 0 || item.kind === "empty") return this.empty;
    if (item.kind === "never") return min === 0 ? this.empty : this.never;
    if (min === 1 && max === 1) return item;
    return this.#make(`r${item.id},${min},${max}`, { kind: "repeat", item, min, max });
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
    const list = [...flat].sort(byId);
    if (list.length === 1) return list[0]!;
    return this.#make(`a${ids(list)}`, { kind: "all", of: list });
  }

  /** Every text of bytes that a regular expression does not have. */
  not(item: Expression): Expression {
    if (item.kind === "not") return item.item;
    return this.#make(`x${item.id}`, { kind: "not", item });
  }

  table(table: Table, state = table.start): Expression {
    let number = this.tables.get(table);
    if (number === undefined) {
      number = this.tables.size;
      this.tables.set(table, number);
    }
    return this.#make(`t${number},${state}`, { kind: "table", table, state });
  }

  rule(rule: number): Expression {
    return this.#make(`u${rule}`, { kind: "rule", rule });
  }

  /** Whether a regular expression has the empty text. */
  nullable(expression: Expression): boolean {
    const known = this.#nullable.get(expression);
    if (known !== undefined) return known;
    const nullable = this.#isNullable(expression);
    this.#nullable.set(expression, nullable);
    return nullable;
  }

  #isNullable(expression: Expression): boolean {
    switch (expression.kind) {
      case "empty":
        return true;
      case "sequence":
        return this.nullable(expression.first) && this.nullable(expression.rest);
      case "either":
        return expression.of.some((each) => this.nullable(each));
      case "repeat":
        return expression.min === 0 || this.nullable(expression.item);
      case "all":
        return expression.of.every((each) => this.nullable(each));
      case "not":
        return !this.nullable(expression.item);
      case "table":
        return expression.table.accepts(expression.state);
      default:
        return false;
    }
  }

  /** What may follow `byte` in the texts of a regular expression. */
  derivative(expression: Expression, byte: number): Expression {
    switch (expression.kind) {
      case "never":
      case "empty":
        return this.never;
      case "bytes":
        return hasByte(expression.set, byte) ? this.empty : this.never;
      default: {
        let memo = this.#derivatives.get(expression);
        if (!memo) {
          memo = new Map();
          this.#derivatives.set(expression, memo);
        }
        const known = memo.get(byte);
        if (known) return known;
        const found = this.#derive(expression, byte);
        memo.set(byte, found);
        return found;
      }
    }
  }

  #derive(expression: Expression, byte: number): Expression {
    switch (expression.kind) {
      case "sequence": {
        const { first, rest } = expression;
        const inside = this.join(this.derivative(first, byte), rest);
        return this.nullable(first) ? this.either([inside, this.derivative(rest, byte)]) : inside;
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
        return next < 0 ? this.never : this.table(expression.table, next);
      }
      default:
        return this.never;
    }
  }

  /** Whether a regular expression has no text at all. */
  isEmpty(expression: Expression): boolean {
    if (expression.kind === "never") return true;
    const known = this.#isEmpty.get(expression);
    if (known !== undefined) return known;
    const seen = new Set([expression]);
    let empty = true;
    search: for (const each of seen) {
      if (this.nullable(each) || this.#isEmpty.get(each) === false) {
        empty = false;
        break;
      }
      if (seen.size > MAX_LOOKED_AT) throw tooComplex();
      for (let byte = 0; byte < 256; byte++) {
        const next = this.derivative(each, byte);
        if (next.kind === "never") continue;
        seen.add(next);
        if (this.nullable(next)) {
          empty = false;
          break search;
        }
      }
    }
    this.#isEmpty.set(expression, empty);
    // What was reached from an empty language is empty, too.
    if (empty) for (const each of seen) this.#isEmpty.set(each, true);
    return empty;
  }

  #make(key: string, parts: Parts): Expression {
    const known = this.#known.get(key);
    if (known) return known;
    if (this.#count >= MAX_EXPRESSIONS) throw tooComplex();
    const made = { id: this.#count++, ...parts } as Expression;
    this.#known.set(key, made);
    return made;
  }
}

export const hasByte = (set: Uint32Array, byte: number): boolean => ((set[byte >> 5]! >>> (byte & 31)) & 1) === 1;

export const tooComplex = (): OutriderError =>
  new OutriderError("grammar_too_complex", "the constraint takes too many steps; make its schema or grammar smaller", {
    param: "response_format",
  });

/** Work that recurses as deep as a constraint is nested. Throws `grammar_too_complex` where that is too deep. */
export function nested<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError && /call stack/.test(error.message)) throw tooComplex();
    throw error;
  }
}

const encoder = new TextEncoder();
const byId = (a: Expression, b: Expression): number => a.id - b.id;
const ids = (list: readonly Expression[]): string => list.map(({ id }) => id).join();
