/** Types of values, and whether a listed value has what other schemas ask for. */
import type { Patterns } from "../patterns.ts";
import { FORMATS } from "./formats.ts";
import { isObject, type SchemaObject, type Type, UNLIKE } from "./keywords.ts";

const ALL: readonly Type[] = ["null", "boolean", "number", "string", "array", "object"];

/** The types that all of these schemas allow; integers are numbers. */
export function typesOf(parts: readonly SchemaObject[]): readonly Type[] {
  let types = ALL;
  for (const { type } of parts) {
    if (type === undefined) continue;
    const named = new Set([type].flat() as Type[]);
    types = types.flatMap((each): Type[] => {
      if (named.has(each)) return [each];
      if (each === "number" && named.has("integer")) return ["integer"];
      return each === "integer" && named.has("number") ? ["integer"] : [];
    });
  }
  return types;
}

export function typeOf(value: unknown): Type {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value as Type;
}

/** Keywords of values that hold others: a listed value is not held against them. */
const NESTED = [
  "additionalProperties",
  "items",
  "maxItems",
  "maxProperties",
  "minItems",
  "minProperties",
  "patternProperties",
  "prefixItems",
  "properties",
  "propertyNames",
  "required",
];

/** Finds the listed values that have what schemas ask for. */
export class Fitting {
  readonly #parts: readonly SchemaObject[];
  readonly #allowed: readonly Type[];
  readonly #patterns: Patterns;
  /** What each schema lists, as JSON. */
  readonly #lists: readonly ReadonlySet<string>[];

  /** @param parts hold together */
  constructor(parts: readonly SchemaObject[], patterns: Patterns) {
    this.#parts = parts;
    this.#allowed = typesOf(parts);
    this.#patterns = patterns;
    const json = (value: unknown) => JSON.stringify(canonical(value));
    this.#lists = parts.flatMap((part) => [
      ...(Object.hasOwn(part, "const") ? [new Set([json(part.const)])] : []),
      ...(Array.isArray(part.enum) ? [new Set(part.enum.map(json))] : []),
    ]);
  }

  /** Null where it takes more than a look at the value: all lists have it, and there are other keywords. */
  fits(value: unknown): boolean | null {
    const type = typeOf(value);
    if (!this.#allowed.includes(type) && !(type === "integer" && this.#allowed.includes("number"))) return false;
    const json = JSON.stringify(canonical(value));
    return this.#lists.every((list) => list.has(json)) && meets(value, this.#parts, this.#patterns);
  }
}

function meets(value: unknown, parts: readonly SchemaObject[], patterns: Patterns): boolean | null {
  for (const part of parts) {
    if (typeof value === "object" && value !== null) {
      if (NESTED.some((keyword) => part[keyword] !== undefined)) return null;
    }
    if (isUnlike(value, part, patterns)) return false;
    if (typeof value === "number" && !numberFits(value, part)) return false;
    if (typeof value === "string") {
      const fit = stringFits(value, part, patterns);
      if (!fit) return false;
    }
  }
  return true;
}

/** Whether a value is what it must not be. */
function isUnlike(value: unknown, { [UNLIKE]: unlike }: SchemaObject, patterns: Patterns): boolean {
  if (!unlike) return false;
  if (typeof value === "number") return unlike.integers ? Number.isInteger(value) : !!unlike.numbers?.includes(value);
  if (typeof value !== "string") return false;
  return (
    !!unlike.texts?.includes(value) || (unlike.pattern !== undefined && patterns.match(unlike.pattern, value, false))
  );
}

function numberFits(value: number, part: SchemaObject): boolean {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = part as Record<string, number>;
  const isOver = exclusiveMaximum !== undefined && value >= exclusiveMaximum;
  const isUnder = exclusiveMinimum !== undefined && value <= exclusiveMinimum;
  if (isOver || isUnder || (minimum !== undefined && value < minimum)) return false;
  if (maximum !== undefined && value > maximum) return false;
  return multipleOf === undefined || Number.isInteger(value / multipleOf);
}

function stringFits(value: string, part: SchemaObject, patterns: Patterns): boolean {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, format } = part;
  const { length } = [...value];
  if (length < (minLength as number) || length > (maxLength as number)) return false;
  if (typeof pattern === "string" && !patterns.match(pattern, value, false)) return false;
  const form = typeof format === "string" && Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined;
  return form === undefined || new RegExp(`^(?:${form})$`, "u").test(value);
}

/** The same value with the keys of its objects in order. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, canonical(value[key])]),
  );
}
