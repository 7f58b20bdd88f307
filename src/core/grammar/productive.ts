/** What has a text at all. What has none is left out of a grammar, so that a byte that may follow leads to an end. */
import { ENTRY_BYTES, type Expression, type Expressions } from "./expression.ts";
import { Gates, type Needs } from "./gates.ts";

export class Productive {
  readonly #expressions: Expressions;
  /** By the ids of what a grammar consists of: 1 where it has a text. */
  readonly #lasting: Uint8Array;
  /** Of what was derived since. */
  #derived = new Map<Expression, boolean>();
  #loose = 0;

  private constructor(expressions: Expressions, lasting: Uint8Array) {
    this.#expressions = expressions;
    this.#lasting = lasting;
  }

  /** @param rules by number */
  static *of(expressions: Expressions, rules: readonly Expression[]): Generator<void, Productive> {
    const gates = new Gates(expressions.count);
    for (const expression of expressions.lasting()) {
      yield;
      if (needsSearch(expression)) yield* expressions.seekEmpty(expression);
      gates.add(expression, needsOf(expression, expressions, rules));
    }
    gates.open();
    expressions.budget.take(gates.isOpen.length);
    return new Productive(expressions, gates.isOpen);
  }

  has(expression: Expression): boolean {
    if (expression.id < this.#lasting.length) return this.#lasting[expression.id] === 1;
    const known = this.#derived.get(expression);
    if (known !== undefined) return known;
    const found = this.#find(expression);
    this.#expressions.budget.remember(ENTRY_BYTES);
    this.#loose += ENTRY_BYTES;
    this.#derived.set(expression, found);
    return found;
  }

  #find(expression: Expression): boolean {
    switch (expression.kind) {
      case "never":
        return false;
      case "sequence": {
        // Sequences are long lists, too long to be walked by calls.
        let at: Expression = expression;
        for (; at.kind === "sequence"; at = at.rest) {
          if (at.id < this.#lasting.length) return this.has(at);
          if (!this.has(at.first)) return false;
        }
        return this.has(at);
      }
      case "either":
        return expression.of.some((each) => this.has(each));
      case "repeat":
        return expression.min === 0 || this.has(expression.item);
      case "all":
      case "not":
      case "table":
        return !this.#expressions.isEmpty(expression);
      case "fork":
        return expression.fork.isProductive(expression.place, (each) => this.has(each));
      default:
        return true;
    }
  }

  forget(): void {
    this.#derived = new Map();
    this.#expressions.budget.forget(this.#loose);
    this.#loose = 0;
  }
}

/** Whether an expression has a text shows only on the way through it. */
const needsSearch = ({ kind, nullable }: Expression): boolean =>
  !nullable && (kind === "all" || kind === "not" || kind === "table");

/** Null where it has no text, whatever others have. */
function needsOf(
  expression: Expression,
  expressions: Expressions,
  rules: readonly Expression[],
): readonly Needs[] | null {
  switch (expression.kind) {
    case "never":
      return null;
    case "sequence":
      return [{ of: [expression.first, expression.rest], least: 2 }];
    case "either":
      return [{ of: expression.of, least: 1 }];
    case "repeat":
      return expression.min === 0 ? [] : [{ of: [expression.item], least: 1 }];
    case "rule":
      return [{ of: [rules[expression.rule]!], least: 1 }];
    case "fork":
      return expression.fork.needs;
    case "all":
    case "not":
    case "table":
      return expressions.isEmpty(expression) ? null : [];
    default:
      return [];
  }
}
