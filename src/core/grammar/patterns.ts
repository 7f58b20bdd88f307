/**
 * Whether a text has a client's pattern. The runtime's own regular expressions try one way after the other, which for
 * some patterns are 2^n for n characters; derivatives take each byte once.
 */
import { OutriderError } from "../model/errors.ts";
import { Budget } from "./budget.ts";
import { plain } from "./characters.ts";
import { type Expression, Expressions } from "./expression.ts";
import { regexOf } from "./regex.ts";

export class Patterns {
  readonly #known = new Map<string, { readonly e: Expressions; readonly expression: Expression } | null>();

  /**
   * True, too, for a pattern that cannot be enforced: no answer is held to it.
   * @param whole the pattern is the whole text; else it occurs somewhere in it
   */
  match(pattern: string, text: string, whole: boolean): boolean {
    const key = `${whole}${pattern}`;
    let known = this.#known.get(key);
    if (known === undefined) {
      known = read(pattern, whole);
      this.#known.set(key, known);
    }
    return known === null || known.e.has(known.expression, text);
  }
}

function read(pattern: string, whole: boolean) {
  const e = new Expressions(new Budget());
  try {
    return { e, expression: regexOf(e, pattern, plain, whole) };
  } catch (error) {
    if (error instanceof OutriderError) return null;
    throw error;
  }
}
