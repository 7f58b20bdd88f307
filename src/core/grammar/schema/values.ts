/** Types of values, and whether a listed value has what other schemas ask for. */
import { isObject, type SchemaObject, type Type, UNLIKE } from "./keywords.ts";
import type { Validator } from "./valid.ts";

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

/** Finds the listed values that have what schemas ask for. */
export class Fitting {
  readonly #validator: Validator;
  /** The schemas without their lists. */
  readonly #parts: readonly SchemaObject[];
  readonly #allowed: readonly Type[];
  /** What each schema lists, as JSON. */
  readonly #lists: readonly ReadonlySet<string>[];

  /** @param parts hold together */
  constructor(parts: readonly SchemaObject[], validator: Validator) {
    this.#validator = validator;
    this.#parts = parts.map(({ const: _, enum: __, ...rest }) => rest);
    this.#allowed = typesOf(parts);
    const json = (value: unknown) => JSON.stringify(canonical(value));
    this.#lists = parts.flatMap((part) => [
      ...(Object.hasOwn(part, "const") ? [new Set([json(part.const)])] : []),
      ...(Array.isArray(part.enum) ? [new Set(part.enum.map(json))] : []),
    ]);
  }

  fits(value: unknown): boolean {
    const type = typeOf(value);
    if (!this.#allowed.includes(type) && !(type === "integer" && this.#allowed.includes("number"))) return false;
    const json = JSON.stringify(canonical(value));
    if (!this.#lists.every((list) => list.has(json))) return false;
    return this.#parts.every((part) => !this.#isUnlike(value, part) && this.#validator.unmet(part, value) === null);
  }

  /** Whether a value is what it must not be. */
  #isUnlike(value: unknown, { [UNLIKE]: unlike }: SchemaObject): boolean {
    if (!unlike) return false;
    if (typeof value === "number") return unlike.integers ? Number.isInteger(value) : !!unlike.numbers?.includes(value);
    if (typeof value !== "string") return false;
    const { texts, pattern } = unlike;
    return !!texts?.includes(value) || (pattern !== undefined && this.#validator.patterns.match(pattern, value, false));
  }
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
