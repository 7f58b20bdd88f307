/** Rules that begin with themselves: a machine would look for their first byte without an end. */
import type { Expression, Expressions } from "./expression.ts";
import { Gates, type Needs } from "./gates.ts";

/** A rule that begins with itself; null where none does. Looks at each expression once. */
export function leftRecursive(e: Expressions, rules: readonly Expression[]): number | null {
  const gates = new Gates(e.count);
  for (const each of e.lasting()) gates.add(each, needsToBeEmpty(each, rules));
  gates.open();
  const mayBeEmpty = ({ id }: Expression) => gates.isOpen[id] === 1;
  const met = new Map<Expression, "open" | "done">();
  /** What leads to what is looked at, each with what it may begin with that was not looked at yet. */
  const path: { readonly at: Expression; readonly firsts: Expression[] }[] = [];
  const enter = (at: Expression): void => {
    met.set(at, "open");
    path.push({ at, firsts: firstsOf(at, rules, mayBeEmpty) });
  };
  for (let number = 0; number < rules.length; number++) {
    if (!met.has(e.rule(number))) enter(e.rule(number));
    for (let last = path.at(-1); last; last = path.at(-1)) {
      const next = last.firsts.pop();
      if (!next) {
        met.set(last.at, "done");
        path.pop();
      } else if (!met.has(next)) enter(next);
      else if (met.get(next) === "open") {
        const circle = path.slice(path.findIndex(({ at }) => at === next));
        // A circle without a rule would be an expression inside of itself.
        for (const { at } of circle) if (at.kind === "rule") return at.rule;
      }
    }
  }
  return null;
}

/** When an expression has the empty text; null: never. */
function needsToBeEmpty(expression: Expression, rules: readonly Expression[]): readonly Needs[] | null {
  switch (expression.kind) {
    case "empty":
      return [];
    case "sequence":
      return [{ of: [expression.first, expression.rest], least: 2 }];
    case "either":
      return [{ of: expression.of, least: 1 }];
    case "repeat":
      return expression.min === 0 ? [] : [{ of: [expression.item], least: 1 }];
    case "rule":
      return [{ of: [rules[expression.rule]!], least: 1 }];
    default:
      return null;
  }
}

/** What an expression may begin with. */
function firstsOf(
  expression: Expression,
  rules: readonly Expression[],
  mayBeEmpty: (expression: Expression) => boolean,
): Expression[] {
  switch (expression.kind) {
    case "rule":
      return [rules[expression.rule]!];
    case "either":
      return [...expression.of];
    case "repeat":
      return [expression.item];
    case "sequence":
      return mayBeEmpty(expression.first) ? [expression.rest, expression.first] : [expression.first];
    default:
      return [];
  }
}
