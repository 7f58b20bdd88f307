/**
 * Whether a finished answer has the form that it must have, told by other means than those that wrote it: JSON.parse and
 * a validator over values, and the runtime's own regular expressions.
 */
import type { Schema } from "./schema/keywords.ts";
import { unmet } from "./schema/valid.ts";
import type { ConstraintSource } from "./source.ts";

/** What is wrong with an answer, in words; null where nothing is, or where only the grammar itself could tell. */
export function faultOf(source: ConstraintSource, text: string): string | null {
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
      return new RegExp(`^(?:${source.pattern})$`, "u").test(text) ? null : "it does not match the pattern";
    case "choice":
      return source.of.includes(text) ? null : "it is none of the choices";
    default:
      return null;
  }
}
