/**
 * Grammars in GBNF, llama.cpp's form of BNF: `root ::= "yes" | "no" digit{2,3}`, with classes of characters, groups,
 * comments, and `* + ? {m,n}`. The text is what `root` derives.
 */
import { OutriderError } from "../model/errors.ts";
import { ANY, type Characters, complement, plain, union } from "./characters.ts";
import type { Expression, Expressions } from "./expression.ts";
import { leftRecursive } from "./left-recursion.ts";

const MAX_REPEATS = 10_000;
const MAX_DEPTH = 100;

/**
 * Adds the grammar's rules to `rules` and returns what `root` stands for, in slices. Throws `bad_grammar` naming the
 * place.
 */
export const gbnf = (e: Expressions, rules: Expression[], text: string): Generator<void, Expression> =>
  new Gbnf(e, rules, text).read();

class Gbnf {
  readonly #e: Expressions;
  readonly #rules: Expression[];
  readonly #chars: readonly string[];
  readonly #numbers = new Map<string, number>();
  readonly #defined = new Set<string>();
  #at = 0;
  #depth = 0;

  constructor(e: Expressions, rules: Expression[], text: string) {
    this.#e = e;
    this.#rules = rules;
    this.#chars = [...text];
  }

  *read(): Generator<void, Expression> {
    this.#space(true);
    while (this.#at < this.#chars.length) yield* this.#rule();
    for (const name of this.#numbers.keys()) {
      if (!this.#defined.has(name)) throw this.#bad(`the rule "${name}" is used and not defined`);
    }
    if (!this.#defined.has("root")) throw this.#bad('it has no rule "root"');
    this.#refuseLeftRecursion();
    return this.#e.rule(this.#numberOf("root"));
  }

  *#rule(): Generator<void> {
    const name = this.#name();
    this.#space(false);
    if (this.#take(3) !== "::=") throw this.#bad(`"::=" is missing behind "${name}"`);
    this.#space(true);
    const number = this.#numberOf(name);
    this.#rules[number] = yield* this.#alternatives(false);
    this.#defined.add(name);
    this.#space(true);
  }

  *#alternatives(inside: boolean): Generator<void, Expression> {
    if (++this.#depth > MAX_DEPTH) throw this.#bad(`groups are nested more than ${MAX_DEPTH} deep`);
    const of = [yield* this.#sequence(inside)];
    while (this.#chars[this.#at] === "|") {
      this.#at++;
      this.#space(true);
      of.push(yield* this.#sequence(inside));
    }
    this.#depth--;
    return this.#e.either(of);
  }

  /** @param inside a line may end inside of a group */
  *#sequence(inside: boolean): Generator<void, Expression> {
    const items: Expression[] = [];
    for (;;) {
      const char = this.#chars[this.#at];
      if (char === undefined || char === "|" || char === ")" || char === "\n" || char === "\r") break;
      yield;
      items.push(this.#repeated(yield* this.#item(char)));
      this.#space(inside);
    }
    return this.#e.sequence(items);
  }

  *#item(char: string): Generator<void, Expression> {
    if (char === '"') return this.#literal();
    if (char === "[") return plain(this.#e, this.#class());
    if (char === "(") {
      this.#at++;
      this.#space(true);
      const inner = yield* this.#alternatives(true);
      if (this.#take(1) !== ")") throw this.#bad('")" is missing');
      return inner;
    }
    if (char === ".") {
      this.#at++;
      return plain(this.#e, ANY);
    }
    return this.#e.rule(this.#numberOf(this.#name()));
  }

  #repeated(item: Expression): Expression {
    let all = item;
    for (;;) {
      const char = this.#chars[this.#at];
      const infinite = Number.POSITIVE_INFINITY;
      if (char === "*" || char === "+" || char === "?") {
        this.#at++;
        all = this.#e.repeat(all, char === "+" ? 1 : 0, char === "?" ? 1 : infinite);
      } else if (char === "{") {
        const close = this.#chars.indexOf("}", this.#at);
        const match = /^\{\s*(\d*)\s*(,\s*(\d*)\s*)?\}$/.exec(this.#chars.slice(this.#at, close + 1).join(""));
        if (close < 0 || !match) throw this.#bad('"{" begins no count');
        this.#at = close + 1;
        const min = Number(match[1] || 0);
        const max = match[2] === undefined ? min : match[3] ? Number(match[3]) : infinite;
        if (min > MAX_REPEATS || (max > MAX_REPEATS && max !== infinite) || min > max) {
          throw this.#bad(`a count goes from 0 to ${MAX_REPEATS}`);
        }
        all = this.#e.repeat(all, min, max);
      } else return all;
    }
  }

  #literal(): Expression {
    this.#at++;
    let text = "";
    while (this.#chars[this.#at] !== '"') {
      if (this.#at >= this.#chars.length) throw this.#bad("a quote is not closed");
      text += String.fromCodePoint(this.#character());
    }
    this.#at++;
    return this.#e.text(text);
  }

  #class(): Characters {
    this.#at++;
    const negated = this.#chars[this.#at] === "^";
    if (negated) this.#at++;
    const ranges: Characters[] = [];
    while (this.#chars[this.#at] !== "]") {
      if (this.#at >= this.#chars.length) throw this.#bad('"]" is missing');
      const from = this.#character();
      let to = from;
      if (this.#chars[this.#at] === "-" && this.#chars[this.#at + 1] !== "]") {
        this.#at++;
        to = this.#character();
      }
      if (to < from) throw this.#bad("a range of characters runs backwards");
      ranges.push([[from, to]]);
    }
    this.#at++;
    const set = union(...ranges);
    return negated ? complement(set) : set;
  }

  #character(): number {
    const char = this.#chars[this.#at++]!;
    if (char !== "\\") return char.codePointAt(0)!;
    const escaped = this.#chars[this.#at++];
    const digits = escaped === "x" ? 2 : escaped === "u" ? 4 : escaped === "U" ? 8 : 0;
    if (digits > 0) {
      const hex = this.#take(digits);
      const code = /^[0-9a-fA-F]+$/.test(hex) ? Number.parseInt(hex, 16) : Number.NaN;
      if (!(hex.length === digits && code <= 0x10ffff)) throw this.#bad(`"\\${escaped}${hex}" is no character`);
      return code;
    }
    const known = escaped === undefined ? undefined : ESCAPES[escaped];
    if (known === undefined) throw this.#bad(`"\\${escaped ?? ""}" is no character`);
    return known.charCodeAt(0);
  }

  #name(): string {
    const from = this.#at;
    while (/[A-Za-z0-9_-]/.test(this.#chars[this.#at] ?? "")) this.#at++;
    if (this.#at === from) throw this.#bad(`${JSON.stringify(this.#chars[from] ?? "the end")} is not expected`);
    return this.#chars.slice(from, this.#at).join("");
  }

  #numberOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const number = this.#rules.push(this.#e.never) - 1;
    this.#numbers.set(name, number);
    return number;
  }

  #take(length: number): string {
    const text = this.#chars.slice(this.#at, this.#at + length).join("");
    this.#at += length;
    return text;
  }

  #space(lines: boolean): void {
    for (;;) {
      const char = this.#chars[this.#at];
      if (char === " " || char === "\t" || (lines && (char === "\n" || char === "\r"))) this.#at++;
      else if (char === "#") while (this.#at < this.#chars.length && this.#chars[this.#at] !== "\n") this.#at++;
      else return;
    }
  }

  /** A rule that begins with itself would never read a byte. */
  #refuseLeftRecursion(): void {
    const number = leftRecursive(this.#e, this.#rules);
    if (number === null) return;
    const name = [...this.#numbers].find(([, own]) => own === number)?.[0] ?? "root";
    throw this.#bad(`the rule "${name}" begins with itself`);
  }

  #bad(why: string): OutriderError {
    const before = this.#chars.slice(0, this.#at);
    const line = before.filter((char) => char === "\n").length + 1;
    return new OutriderError("bad_grammar", `grammar, line ${line}: ${why}`, { param: "grammar" });
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  '"': '"',
  "'": "'",
  "\\": "\\",
  "[": "[",
  "]": "]",
  "-": "-",
};
