/** Forms of answers that call: where a call must be made, and where calls may stand in any text. */
import type { ConstraintSource } from "../grammar/source.ts";
import { argumentsOf } from "./arguments.ts";
import type { Tool } from "./family.ts";
import type { Syntax } from "./json-calls.ts";

/** Calls of one answer at most, where it must call. */
const MAX_CALLS = 32;

/**
 * Answers that call one of `tools`, written as `before` and `after` say; several with `between` between them, or one
 * where that is null.
 * @param before what stands in front of the arguments of a tool, by its name as JSON
 */
export function callsOf(
  tools: readonly Tool[],
  before: (name: string) => string,
  after: string,
  between: string | null,
): ConstraintSource {
  const text = (of: string): ConstraintSource => ({ kind: "choice", of: [of] });
  const calls = tools.map(
    (tool): ConstraintSource => ({
      kind: "sequence",
      of: [text(before(JSON.stringify(tool.name))), argumentsOf(tool), text(after)],
    }),
  );
  const item: ConstraintSource = { kind: "either", of: calls };
  return between === null ? item : { kind: "several", item, between, most: MAX_CALLS };
}

/**
 * Any text in which the beginning of a call of a tool is followed by arguments of its schema, also where it stands in
 * no bracket: which brackets there are is the reader's to know.
 */
export function freeOf({ keys }: Syntax, tools: readonly Tool[]): ConstraintSource {
  const space = "[ \\t\\r\\n]*";
  const key = `(?:${keys.map((name) => `"${name}"`).join("|")})`;
  const beginning = ({ name }: Tool): string => ["\\{", '"name"', ":", `"${name}"`, ",", key, ":"].join(space) + space;
  const without: ConstraintSource = { kind: "without", patterns: tools.map(beginning) };
  const calls = tools.map(
    (tool): ConstraintSource => ({
      kind: "sequence",
      of: [{ kind: "regex", pattern: beginning(tool) }, argumentsOf(tool), without],
    }),
  );
  const several: ConstraintSource = {
    kind: "several",
    item: { kind: "either", of: calls },
    between: "",
    most: MAX_CALLS,
  };
  return { kind: "either", of: [without, { kind: "sequence", of: [without, several] }] };
}
