/** What is wrong with a value, in our words instead of the validator's: what it must be, and what it is. */
import type * as z from "zod";
import { nearest } from "./nearest.ts";

type Issue = z.core.$ZodRawIssue;

/** For zod's `error` of a parse. A schema's own sentence wins over it. */
export function sentence(issue: Issue): string {
  const { input } = issue;
  switch (issue.code) {
    case "invalid_type":
      if (input === undefined) return "is missing";
      return `must be ${KINDS[issue.expected] ?? issue.expected}, got ${shown(input)}`;
    case "too_big":
      return `must ${AMOUNTS[issue.origin] ?? "be"} at most ${issue.maximum}${unit(issue.origin)}, got ${size(input)}`;
    case "too_small": {
      const least = issue.inclusive === false ? "more than" : "at least";
      return `must ${AMOUNTS[issue.origin] ?? "be"} ${least} ${issue.minimum}${unit(issue.origin)}, got ${size(input)}`;
    }
    case "invalid_value":
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(" or ")}, got ${shown(input)}`;
    case "unrecognized_keys":
      return unknown(issue.keys[0]!, issue.inst as z.ZodObject | undefined);
    default:
      return `is not valid: ${shown(input)}`;
  }
}

function unknown(key: string, schema: z.ZodObject | undefined): string {
  const names = Object.keys(schema?.shape ?? {});
  const meant = nearest(key, names);
  const hint = meant === null ? `its fields are ${names.join(", ")}` : `did you mean ${meant}?`;
  return `there is no field ${shown(key)}; ${hint}`;
}

const KINDS: Readonly<Record<string, string>> = {
  int: "a whole number",
  number: "a number",
  string: "a string",
  boolean: "true or false",
  array: "an array",
  object: "an object",
  record: "an object",
};

const AMOUNTS: Readonly<Record<string, string>> = { string: "have", array: "hold" };

const unit = (origin: string): string => (origin === "string" ? " characters" : origin === "array" ? " entries" : "");

const size = (input: unknown): string =>
  typeof input === "string" || Array.isArray(input) ? `${input.length}` : shown(input);

/** Of a value as many characters as a sentence bears. */
const MOST_CHARACTERS = 60;

/** A value as its JSON, shortened. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
}
