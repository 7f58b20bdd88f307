/**
 * How JSON is written: compact, with a space behind colons and commas, or a value a line with any indentation. There is
 * no other space, so that none goes on without an end.
 */
import { ANY, inJson } from "../characters.ts";
import type { Expression, Expressions } from "../expression.ts";

/** Spaces or tabs of an indentation at most. */
const MAX_INDENT = 64;
const INFINITE = Number.POSITIVE_INFINITY;

export class Json {
  /** Behind an opening bracket and a comma, and before a closing one. */
  readonly gap: Expression;
  /** Behind a colon. */
  readonly space: Expression;
  /** A string without its quotes. */
  readonly inside: Expression;
  /** A character of a string in its one form. */
  readonly character: Expression;
  readonly integer: Expression;
  readonly number: Expression;
  readonly boolean: Expression;
  readonly null: Expression;
  readonly comma: Expression;
  readonly #e: Expressions;

  constructor(e: Expressions) {
    this.#e = e;
    const blank = e.either([e.text(" "), e.text("\t")]);
    const line = e.join(e.text("\n"), e.repeat(blank, 0, MAX_INDENT));
    this.space = e.optional(e.text(" "));
    this.gap = e.either([this.space, line]);
    this.comma = e.join(e.text(","), this.gap);
    this.character = inJson(e, ANY);
    const digit = e.range(0x30, 0x39);
    const hex = e.either([digit, e.range(0x41, 0x46), e.range(0x61, 0x66)]);
    const escaped = e.join(
      e.text("\\"),
      e.either([e.oneOf(['"', "\\", "/", "b", "f", "n", "r", "t"]), e.join(e.text("u"), e.repeat(hex, 4, 4))]),
    );
    const anyCharacter = e.either([inJson(e, PLAIN), escaped]);
    this.inside = e.repeat(anyCharacter, 0, INFINITE);
    const digits = e.repeat(digit, 0, INFINITE);
    const whole = e.either([e.text("0"), e.join(e.range(0x31, 0x39), digits)]);
    this.integer = e.join(e.optional(e.text("-")), whole);
    const some = e.repeat(digit, 1, INFINITE);
    const exponent = e.sequence([e.oneOf(["e", "E"]), e.optional(e.oneOf(["+", "-"])), some]);
    this.number = e.sequence([this.integer, e.optional(e.join(e.text("."), some)), e.optional(exponent)]);
    this.boolean = e.oneOf(["true", "false"]);
    this.null = e.text("null");
  }

  quoted(inside: Expression): Expression {
    const quote = this.#e.text('"');
    return this.#e.sequence([quote, inside, quote]);
  }

  /** A value as it is, in any spacing. */
  literal(value: unknown): Expression {
    const e = this.#e;
    if (Array.isArray(value))
      return this.#list(
        "[",
        value.map((item) => this.literal(item)),
        "]",
      );
    if (typeof value === "object" && value !== null) {
      const pairs = Object.entries(value).map(([key, item]) =>
        this.pair(e.text(JSON.stringify(key)), this.literal(item)),
      );
      return this.#list("{", pairs, "}");
    }
    return e.text(JSON.stringify(value));
  }

  pair(key: Expression, value: Expression): Expression {
    return this.#e.sequence([key, this.#e.text(":"), this.space, value]);
  }

  /** @param inside what is between the brackets, gaps at both ends apart; null for nothing */
  within(open: string, inside: Expression | null, close: string): Expression {
    const e = this.#e;
    const full = inside && e.sequence([this.gap, inside, this.gap]);
    return e.sequence([e.text(open), full ?? this.gap, e.text(close)]);
  }

  #list(open: string, items: readonly Expression[], close: string): Expression {
    if (items.length === 0) return this.within(open, null, close);
    const [first, ...others] = items;
    return this.within(open, this.#e.sequence([first!, ...others.flatMap((item) => [this.comma, item])]), close);
  }
}

/** What a JSON string holds as it is. */
const PLAIN = [
  [0x20, 0x21],
  [0x23, 0x5b],
  [0x5d, 0x10ffff],
] as const;
