/**
 * Whether a finished answer has the form that it must have, told by other means than those that wrote it: JSON.parse
 * and a validator over values, and patterns read by themselves.
 */
import { OutriderError } from "../model/errors.ts";
import { nested } from "./budget.ts";
import { Patterns } from "./patterns.ts";
import type { Schema } from "./schema/keywords.ts";
import { unmet } from "./schema/valid.ts";
import type { ConstraintSource } from "./source.ts";

/**
 * What is wrong with an answer, in words; null where nothing is, where only the grammar itself could tell, and where to
 * tell would take too long.
 */
export const faultOf = (source: ConstraintSource, text: string): string | null => inTime(() => faultIn(source, text));

/** Whether a value has what a schema asks for; true, too, where to tell would take too long. */
export const meets = (schema: Schema, value: unknown): boolean => inTime(() => unmet(schema, value)) === null;

function inTime(find: () => string | null): string | null {
  try {
    return nested(find);
  } catch (error) {
    if (error instanceof OutriderError && error.code === "grammar_too_complex") return null;
    throw error;
  }
}

function faultIn(source: ConstraintSource, text: string): string | null {
  switch (source.kind) {
    case "schema": {
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        return "it is not JSON";
      }
      const keyword = unmet(source.schema as Schema, value);
      return keyword && `it does not meet ${keyword}`;
    }
    case "regex":
      return new Patterns().match(source.pattern, text, true) ? null : "it does not match the pattern";
    case "choice":
      return source.of.includes(text) ? null : "it is none of the choices";
    default:
      return null;
  }
}
