/**
 * The properties of an object as they may be written: in the order of the schema, each that is not required may be
 * left out, and those without a schema of their own come last. Which may come next is a tree of names that is never
 * written out: a place in it is a range of the sorted names, how many of their bytes have been read, which property was
 * the last one, and how many there were.
 *
 *   a, b?, c? then others      { → "a"     a → "b" "c" others }     b → "c" others }     c → others }
 */
import type { Expression, Expressions, Fork, Has, Place } from "../expression.ts";
import { bytesIn, bytesOf, narrowed } from "../sorted-texts.ts";

/** A property that the schema names. */
export interface Member {
  /** Its name as JSON, quotes included. */
  readonly name: string;
  /** What follows the name: a colon and a value. */
  readonly value: Expression;
  readonly required: boolean;
}

export interface Counts {
  /** 0 where the required properties are as many. */
  readonly min: number;
  readonly max: number;
}

/** Bytes of memory of a member, beside its name. */
const MEMBER_BYTES = 40;

/** What is known once each value is known to have a text or none; each list is of what lies from a member on. */
interface Known {
  /** Whether a member has a value. */
  readonly has: Uint8Array;
  /** Whether all that are required have one. */
  readonly complete: Uint8Array;
  /** How many are not required and have one. */
  readonly optional: Uint32Array;
  /** Whether others have a text. */
  readonly others: boolean;
}

export class Members implements Fork {
  readonly needs: Fork["needs"];
  readonly #e: Expressions;
  readonly #comma: Expression;
  /** A property without a schema of its own, `never` where none may be. */
  readonly #other: Expression;
  readonly #counts: Counts;
  readonly #values: readonly Expression[];
  readonly #names: readonly string[];
  /** By place among the sorted names: the member. */
  readonly #order: Uint32Array;
  /** From a member on: the first that is required, and how many are. */
  readonly #barrier: Uint32Array;
  readonly #required: Uint32Array;
  #known: Known | undefined;

  /** @param comma between two properties, with the space behind it */
  constructor(e: Expressions, members: readonly Member[], other: Expression, comma: Expression, counts: Counts) {
    this.#e = e;
    this.#other = other;
    this.#comma = comma;
    this.#counts = counts;
    const { length } = members;
    this.#values = members.map(({ value }) => value);
    const sorted = members.map(({ name }, member) => ({ name: bytesIn(name), member }));
    sorted.sort((a, b) => (a.name < b.name ? -1 : 1));
    this.#names = sorted.map(({ name }) => name);
    this.#order = Uint32Array.from(sorted, ({ member }) => member);
    this.#barrier = new Uint32Array(length + 1).fill(length);
    this.#required = new Uint32Array(length + 1);
    for (let i = length - 1; i >= 0; i--) {
      this.#barrier[i] = members[i]!.required ? i : this.#barrier[i + 1]!;
      this.#required[i] = this.#required[i + 1]! + Number(members[i]!.required);
    }
    e.budget.take(bytesOf(this.#names) + MEMBER_BYTES * length);
    const all = members.filter(({ required }) => required).map(({ value }) => value);
    const some = members.filter(({ required }) => !required).map(({ value }) => value);
    const one = all.length > 0 ? 0 : 1;
    const least = other.kind === "never" ? Math.max(one, counts.min - all.length) : one;
    this.needs = [
      { of: all, least: all.length },
      { of: some, least },
    ];
  }

  /** Whether there may be none at all. */
  get mayBeEmpty(): boolean {
    return this.#required[0] === 0 && this.#counts.min === 0;
  }

  /** One member or more. */
  some(): Expression {
    const { min, max } = this.#counts;
    const e = this.#e;
    if (min > max || max === 0 || this.#required[0]! > max) return e.never;
    const named = this.#values.length > 0 ? e.fork(this, this.#place(0, 0), this.#names) : e.never;
    if (this.#required[0]! > 0) return named;
    const others = e.join(this.#other, e.repeat(e.join(this.#comma, this.#other), Math.max(0, min - 1), max - 1));
    return e.either([named, others]);
  }

  step([from, to, at, next, count]: Place, byte: number, has: Has): Expression {
    this.#known ??= this.#knownBy(has);
    const [first, end] = narrowed(this.#names, from!, to!, at!, byte);
    if (!this.#leads(first, end, next!, count!)) return this.#e.never;
    const name = this.#names[first]!;
    // No name is the beginning of another one, since each ends in its quote.
    if (at! + 1 < name.length) return this.#e.fork(this, [first, end, at! + 1, next!, count!]);
    const member = this.#order[first]!;
    return this.#e.join(this.#values[member]!, this.#behind(member + 1, count! + 1));
  }

  isProductive([from, to, , next, count]: Place, has: Has): boolean {
    this.#known ??= this.#knownBy(has);
    return this.#leads(from!, to!, next!, count!);
  }

  /** What may follow a value. */
  #behind(next: number, count: number): Expression {
    const e = this.#e;
    const { min, max } = this.#counts;
    const named = next < this.#values.length ? e.join(this.#comma, e.fork(this, this.#place(next, count))) : e.never;
    if (this.#required[next]! > 0) return named;
    const another = e.join(this.#comma, this.#other);
    return e.either([named, e.repeat(another, Math.max(0, min - count), Math.max(0, max - count))]);
  }

  #place(next: number, count: number): Place {
    const { min, max } = this.#counts;
    // Where nothing is counted all counts are alike.
    return [0, this.#names.length, 0, next, min > 0 || max < Number.POSITIVE_INFINITY ? count : Math.min(count, 1)];
  }

  /** Whether one of the sorted names may come and leads to an end. */
  #leads(from: number, to: number, next: number, count: number): boolean {
    const { has, complete, optional, others } = this.#known!;
    const { min, max } = this.#counts;
    if (count >= max) return false;
    for (let i = from; i < to; i++) {
      const member = this.#order[i]!;
      if (member < next || member > this.#barrier[next]! || has[member] === 0) continue;
      const behind = member + 1;
      const least = count + 1 + this.#required[behind]!;
      if (complete[behind] === 1 && least <= max && (others || least + optional[behind]! >= min)) return true;
    }
    return false;
  }

  #knownBy(has: Has): Known {
    const { length } = this.#values;
    const known = {
      has: Uint8Array.from(this.#values, (value) => Number(has(value))),
      complete: new Uint8Array(length + 1).fill(1),
      optional: new Uint32Array(length + 1),
      others: has(this.#other),
    };
    for (let i = length - 1; i >= 0; i--) {
      const required = this.#barrier[i] === i;
      known.complete[i] = required && known.has[i] === 0 ? 0 : known.complete[i + 1]!;
      known.optional[i] = known.optional[i + 1]! + (required ? 0 : known.has[i]!);
    }
    return known;
  }
}
