/** What has a text at all. What has none is left out of a grammar, so that a byte that may follow leads to an end. */
import type { Expression, Expressions } from "./expression.ts";

/** Which rules have a text at all. */
export function productiveRules(expressions: Expressions, rules: readonly Expression[]): boolean[] {
  const productive = rules.map(() => false);
  for (let changed = true; changed; ) {
    changed = false;
    for (const [i, rule] of rules.entries()) {
      if (productive[i] || !isProductive(expressions, rule, productive, new Map())) continue;
      productive[i] = true;
      changed = true;
    }
  }
  return productive;
}

/**
 * Whether an expression has a text at all, by which rules have one.
 * @param seen what was found of expressions so far, which many others hold; goes with `rules`
 */
export function isProductive(
  expressions: Expressions,
  expression: Expression,
  rules: readonly boolean[],
  seen: Map<Expression, boolean>,
): boolean {
  const known = seen.get(expression);
  if (known !== undefined) return known;
  const found = findProductive(expressions, expression, rules, seen);
  seen.set(expression, found);
  return found;
}

function findProductive(
  expressions: Expressions,
  expression: Expression,
  rules: readonly boolean[],
  seen: Map<Expression, boolean>,
): boolean {
  switch (expression.kind) {
    case "never":
      return false;
    case "sequence": {
      // Sequences are long lists, too long to be walked by calls.
      let at: Expression = expression;
      for (; at.kind === "sequence"; at = at.rest) if (!isProductive(expressions, at.first, rules, seen)) return false;
      return isProductive(expressions, at, rules, seen);
    }
    case "either":
      return expression.of.some((each) => isProductive(expressions, each, rules, seen));
    case "repeat":
      return expression.min === 0 || isProductive(expressions, expression.item, rules, seen);
    case "all":
    case "not":
    case "table":
      return !expressions.isEmpty(expression);
    case "rule":
      return rules[expression.rule] ?? false;
    default:
      return true;
  }
}
