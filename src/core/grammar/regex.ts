/**
 * Regular expressions of ECMA-262, as JSON Schema's `pattern` and the servers' `regex` have them, as expressions over
 * bytes. Whatever is not regular, or not known, is refused by name: never read as something else.
 */
import { OutriderError } from "../model/errors.ts";
import {
  ANY,
  type Characters,
  complement,
  DIGITS,
  LINE_ENDS,
  minus,
  SPACE,
  union,
  WORD,
  type Writing,
} from "./characters.ts";
import type { Expression, Expressions } from "./expression.ts";
import { charactersOf } from "./unicode.ts";

const MAX_CHARS = 4096;
/** A repetition of a repetition multiplies. */
const MAX_REPEATS = 10_000;
const MAX_DEPTH = 100;

/** Part of a pattern, and whether it holds on to the beginning or the end of the text. */
interface Part {
  readonly expression: Expression;
  readonly begins: boolean;
  readonly ends: boolean;
}

/**
 * @param whole the pattern is the whole text; else it occurs somewhere in it, as JSON Schema wants
 * @param writing how characters become bytes
 * Throws `unsupported_pattern` naming what it has no place for.
 */
export function regexOf(expressions: Expressions, pattern: string, writing: Writing, whole: boolean): Expression {
  if (pattern.length > MAX_CHARS) throw refuse(pattern.slice(0, 40), `it has more than ${MAX_CHARS} characters`);
  try {
    new RegExp(pattern, "u");
  } catch {
    throw refuse(pattern, "it is not a regular expression of ECMA-262");
  }
  return new Parser(expressions, pattern, writing).parse(whole);
}

const refuse = (pattern: string, why: string) =>
  new OutriderError("unsupported_pattern", `the pattern ${JSON.stringify(pattern)} cannot be enforced: ${why}`, {
    param: "response_format",
  });

class Parser {
  readonly #expressions: Expressions;
  readonly #pattern: string;
  readonly #chars: readonly string[];
  readonly #writing: Writing;
  #at = 0;
  #depth = 0;

  constructor(expressions: Expressions, pattern: string, writing: Writing) {
    this.#expressions = expressions;
    this.#pattern = pattern;
    this.#chars = [...pattern];
    this.#writing = writing;
  }

  parse(whole: boolean): Expression {
    const parts = this.#alternatives();
    if (this.#at < this.#chars.length) throw this.#refuse("a parenthesis closes nothing");
    if (whole) return this.#expressions.either(parts.map(({ expression }) => expression));
    const anything = this.#expressions.repeat(this.#writing(this.#expressions, ANY), 0, Number.POSITIVE_INFINITY);
    return this.#expressions.either(
      parts.map(({ expression, begins, ends }) => {
        const before = begins ? this.#expressions.empty : anything;
        return this.#expressions.sequence([before, expression, ends ? this.#expressions.empty : anything]);
      }),
    );
  }

  #alternatives(): Part[] {
    if (++this.#depth > MAX_DEPTH) throw this.#refuse(`its groups are nested more than ${MAX_DEPTH} deep`);
    const parts: Part[] = [...this.#sequence()];
    while (this.#chars[this.#at] === "|") {
      this.#at++;
      parts.push(...this.#sequence());
    }
    this.#depth--;
    return parts;
  }

  /** One alternative; several where it is a group of them that are anchored each in its own way. */
  #sequence(): Part[] {
    const items: Expression[] = [];
    let begins = false;
    let ends = false;
    let only: Part[] | null = null;
    for (;;) {
      const char = this.#chars[this.#at];
      if (char === undefined || char === "|" || char === ")") break;
      if (ends && char !== "$") throw this.#refuse("`$` stands before the end");
      if (char === "^") {
        if (items.length > 0 || only) throw this.#refuse("`^` stands behind the beginning");
        begins = true;
        this.#at++;
        continue;
      }
      if (char === "$") {
        ends = true;
        this.#at++;
        continue;
      }
      if (only) throw this.#refuse("an anchor stands inside of a group");
      const group = char === "(" ? this.#group() : null;
      const anchored = group?.some((part) => part.begins || part.ends) ?? false;
      const item = group ? this.#expressions.either(group.map(({ expression }) => expression)) : this.#atom();
      const repeated = this.#repeated(item);
      if (!anchored) {
        items.push(repeated);
      } else {
        if (items.length > 0 || repeated !== item) throw this.#refuse("an anchor stands inside of a group");
        only = group;
      }
    }
    if (only) return only.map((part) => ({ ...part, begins: begins || part.begins, ends: ends || part.ends }));
    return [{ expression: this.#expressions.sequence(items), begins, ends }];
  }

  #group(): Part[] {
    this.#at++;
    if (this.#chars[this.#at] === "?") {
      const rest = this.#chars.slice(this.#at, this.#at + 3).join("");
      if (rest.startsWith("?:")) this.#at += 2;
      else if (/^\?<[^=!]/.test(rest)) this.#at = this.#chars.indexOf(">", this.#at) + 1;
      else if (/^\?<?[=!]/.test(rest)) throw this.#refuse("lookahead and lookbehind are not supported");
      else throw this.#refuse(`the group "(${rest.slice(0, 2)}" is not supported`);
    }
    const parts = this.#alternatives();
    this.#at++;
    return parts;
  }

  #repeated(item: Expression): Expression {
    const char = this.#chars[this.#at];
    const counts = this.#counts(char);
    if (!counts) return item;
    // Lazy or greedy, the texts are the same.
    if (this.#chars[this.#at] === "?") this.#at++;
    const [min, max] = counts;
    if (min > MAX_REPEATS || (max > MAX_REPEATS && max !== Number.POSITIVE_INFINITY)) {
      throw this.#refuse(`it repeats something more than ${MAX_REPEATS} times`);
    }
    return this.#expressions.repeat(item, min, max);
  }

  #counts(char: string | undefined): readonly [number, number] | null {
    const infinite = Number.POSITIVE_INFINITY;
    if (char === "*" || char === "+" || char === "?") {
      this.#at++;
      return [char === "+" ? 1 : 0, char === "?" ? 1 : infinite];
    }
    if (char !== "{") return null;
    const close = this.#chars.indexOf("}", this.#at);
    const match = /^\{(\d+)(,(\d*))?\}$/.exec(this.#chars.slice(this.#at, close + 1).join(""));
    if (!match) return null;
    this.#at = close + 1;
    const min = Number(match[1]);
    return [min, match[2] === undefined ? min : match[3] === "" ? infinite : Number(match[3])];
  }

  #atom(): Expression {
    const char = this.#chars[this.#at]!;
    if (char === "[") return this.#write(this.#class());
    this.#at++;
    if (char === ".") return this.#write(complement(LINE_ENDS));
    if (char === "\\") return this.#write(this.#escape(false));
    return this.#write(codeOf(char));
  }

  #write(set: Characters): Expression {
    return this.#writing(this.#expressions, set);
  }

  #class(): Characters {
    this.#at++;
    const negated = this.#chars[this.#at] === "^";
    if (negated) this.#at++;
    const sets: Characters[] = [];
    while (this.#chars[this.#at] !== "]") {
      const low = this.#classItem();
      const isRange = this.#chars[this.#at] === "-" && this.#chars[this.#at + 1] !== "]";
      if (!isRange || low.length !== 1 || low[0]![0] !== low[0]![1]) {
        sets.push(low);
        continue;
      }
      this.#at++;
      const high = this.#classItem();
      sets.push([[low[0]![0], high[0]![1]]]);
    }
    this.#at++;
    const set = union(...sets);
    return negated ? complement(set) : set;
  }

  #classItem(): Characters {
    const char = this.#chars[this.#at++]!;
    return char === "\\" ? this.#escape(true) : codeOf(char);
  }

  /** Behind a backslash. */
  #escape(inClass: boolean): Characters {
    const char = this.#chars[this.#at++]!;
    switch (char) {
      case "d":
        return DIGITS;
      case "D":
        return complement(DIGITS);
      case "w":
        return WORD;
      case "W":
        return complement(WORD);
      case "s":
        return SPACE;
      case "S":
        return complement(SPACE);
      case "p":
      case "P":
        return this.#property(char === "P");
      case "c":
        return one(this.#chars[this.#at++]!.codePointAt(0)! % 32);
      case "x":
        return one(this.#hex(2));
      case "u":
        return one(this.#unicode());
      case "0":
        return one(0);
      default: {
        const control = CONTROLS[char];
        if (control !== undefined && (char !== "b" || inClass)) return one(control);
        if (/[1-9k]/.test(char)) throw this.#refuse("it refers back to a group");
        if (/[bB]/.test(char)) throw this.#refuse(`\\${char} (the edge of a word) is not supported`);
        return codeOf(char);
      }
    }
  }

  #property(negated: boolean): Characters {
    const close = this.#chars.indexOf("}", this.#at);
    const name = this.#chars.slice(this.#at, close + 1).join("");
    this.#at = close + 1;
    const set = charactersOf(name);
    return negated ? minus(ANY, set) : set;
  }

  #hex(digits: number): number {
    const text = this.#chars.slice(this.#at, this.#at + digits).join("");
    this.#at += digits;
    return Number.parseInt(text, 16);
  }

  #unicode(): number {
    if (this.#chars[this.#at] === "{") {
      const close = this.#chars.indexOf("}", this.#at);
      const code = Number.parseInt(this.#chars.slice(this.#at + 1, close).join(""), 16);
      this.#at = close + 1;
      return code;
    }
    const high = this.#hex(4);
    const isPair = high >= 0xd800 && high < 0xdc00 && this.#chars.slice(this.#at, this.#at + 2).join("") === "\\u";
    if (!isPair) return high;
    this.#at += 2;
    return 0x10000 + (high - 0xd800) * 0x400 + (this.#hex(4) - 0xdc00);
  }

  #refuse(why: string): OutriderError {
    return refuse(this.#pattern, why);
  }
}

const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, b: 8 };

const one = (code: number): Characters => [[code, code]];
const codeOf = (char: string): Characters => one(char.codePointAt(0)!);
